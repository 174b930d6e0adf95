"""The `image_resize` handler, on images of every kind."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, ImageOps

from jobsched.core.config import Settings
from jobsched.core.handler import Cancelled, Discard, Retry
from jobsched.core.model.errors import ObjectStoreUnreachable
from jobsched.handlers.image_resize import ImageResize, image_resize

from .conftest import Web  # noqa: TID251 (it is tests.handlers)
from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image: Image.Image, format_: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def quarters(width: int = 80, height: int = 40) -> Image.Image:
    """Red, green, blue and white, from the upper left on."""
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    for index, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        draw.rectangle((left, top, left + width // 2, top + height // 2), fill=colour)
    return image


def resized(context: RecordingContext, data: bytes, **size: Any) -> Image.Image:
    """Put `data`, resize it once, and open what was made."""
    context.objects.put("uploads", "source", data, "application/octet-stream")
    payload = ImageResize.model_validate({"bucket": "uploads", "key": "source", "sizes": [size or {"width": 4000}]})
    (file,) = image_resize(payload, context)["files"]
    image = Image.open(io.BytesIO(context.objects.get(file["bucket"], file["key"])))
    image.load()
    assert (image.width, image.height) == (file["width"], file["height"])
    return image


def about(pixel: Any, colour: Any, tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, colour, strict=True))


def test_several_sizes_are_made_in_one_job(context: RecordingContext) -> None:
    """Each under the prefix, in its own format, with its hash."""
    context.objects.put("uploads", "a.png", encoded(quarters(400, 200)), "image/png")
    sizes = [
        {"width": 200},
        {"height": 50, "format": "webp"},
        {"width": 40, "height": 40, "fit": "cover", "format": "png", "name": "thumb"},
    ]
    payload = {"bucket": "uploads", "key": "a.png", "sizes": sizes, "output_prefix": "made/here"}
    result = image_resize(ImageResize.model_validate(payload), context)
    assert [(file["key"], file["width"], file["height"]) for file in result["files"]] == [
        ("made/here/200x.jpg", 200, 100),
        ("made/here/x50.webp", 100, 50),
        ("made/here/thumb.png", 40, 40),
    ]
    kinds = [Image.open(io.BytesIO(context.objects.get("images", file["key"]))).format for file in result["files"]]
    assert kinds == ["JPEG", "WEBP", "PNG"]
    assert context.fractions[-1] == 1.0


def test_jpeg_is_progressive_and_carries_no_metadata(context: RecordingContext) -> None:
    """What the camera wrote (place, serial number) stays behind."""
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    made = resized(context, encoded(quarters(), "JPEG", exif=exif), width=40)
    assert made.info.get("progressive") == 1
    assert "exif" not in made.info
    assert "icc_profile" not in made.info


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_was_turned_and_the_image_is_upright(context: RecordingContext, orientation: int) -> None:
    """All eight EXIF orientations."""
    undo: dict[int, list[Image.Transpose]] = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = quarters(80, 40)
    for step in undo[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    made = resized(context, encoded(stored, "JPEG", exif=exif, quality=95, subsampling=0), width=40, format="png")
    assert made.size == (40, 20)
    seen = [made.convert("RGB").getpixel(point) for point in ((8, 4), (32, 4), (8, 16), (32, 16))]
    assert all(about(pixel, colour) for pixel, colour in zip(seen, (RED, GREEN, BLUE, WHITE), strict=True))


def _without_adobe(data: bytes) -> bytes:
    """The same JPEG as it is without the marker, which also says that the inks are stored inverted."""
    start = data.index(b"\xff\xee")
    length = int.from_bytes(data[start + 2 : start + 4], "big")
    plain = ImageOps.invert(Image.merge("RGB", Image.open(io.BytesIO(data)).split()[:3]))
    black = ImageOps.invert(Image.open(io.BytesIO(data)).split()[3])
    inverted = encoded(Image.merge("CMYK", (*plain.split(), black)), "JPEG", quality=95)
    start = inverted.index(b"\xff\xee")
    return inverted[:start] + inverted[start + 2 + length :]


def _png_of_sixteen_bits(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """Pillow writes none."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\0" + struct.pack(">3H", *colour) * width
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(row * height)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


KINDS: dict[str, tuple[Callable[[], bytes], Any]] = {
    "grey": (lambda: encoded(Image.new("L", (64, 64), 128)), (128, 128, 128)),
    "bilevel": (lambda: encoded(Image.new("1", (64, 64), 1)), WHITE),
    "sixteen bits": (lambda: encoded(Image.new("I;16", (64, 64), 0x8000)), (128, 128, 128)),
    "float": (lambda: encoded(Image.new("F", (64, 64), 1.0), "TIFF"), (1, 1, 1)),
    "palette": (lambda: encoded(Image.new("RGB", (64, 64), RED).quantize(4), "GIF"), RED),
    "palette with transparency": (lambda: encoded(Image.new("P", (64, 64), 0), "GIF", transparency=0), WHITE),
    "grey with alpha": (lambda: encoded(Image.new("LA", (64, 64), (0, 0))), WHITE),
    "half transparent": (lambda: encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 128))), (255, 127, 127)),
    "cmyk": (lambda: encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG", quality=95), RED),
    "cmyk without Adobe's marker": (
        lambda: _without_adobe(encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), "JPEG")),
        RED,
    ),
    "sixteen bits in a TIFF": (lambda: encoded(Image.new("I;16", (64, 64), 0x4000), "TIFF"), (64, 64, 64)),
    "sixteen bits a colour": (lambda: _png_of_sixteen_bits(64, 64, (0xFFFF, 0x8000, 0)), (255, 128, 0)),
    "one pixel": (lambda: encoded(Image.new("RGB", (1, 1), BLUE)), BLUE),
    "ycbcr": (lambda: encoded(Image.new("RGB", (64, 64), BLUE), "JPEG", quality=95), BLUE),
    "bmp": (lambda: encoded(Image.new("RGB", (64, 64), GREEN), "BMP"), GREEN),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_image_becomes_the_same_colour_in_jpeg(context: RecordingContext, kind: str) -> None:
    """What is transparent becomes white."""
    make, colour = KINDS[kind]
    made = resized(context, make(), width=32, quality=95)
    assert (made.format, made.size) == ("JPEG", (1, 1) if kind == "one pixel" else (32, 32))
    assert about(made.convert("RGB").getpixel((made.width // 2, made.height // 2)), colour)


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_it_is_the_first_image(context: RecordingContext, format_: str) -> None:
    """However many there are: the others are not even decoded."""
    frames = [Image.new("RGB", (64, 64), (0, 0, number % 256)) for number in range(500)]
    data = encoded(Image.new("RGB", (64, 64), RED), format_, save_all=True, append_images=frames, lossless=True)
    assert Image.open(io.BytesIO(data)).n_frames > 200  # type: ignore[attr-defined]
    assert about(resized(context, data, width=32, format="png").convert("RGB").getpixel((16, 16)), RED, 3)


def test_what_the_image_is_decides_and_not_its_name(context: RecordingContext) -> None:
    """A PNG called .jpg is a PNG."""
    context.objects.put("uploads", "photo.jpg", encoded(Image.new("RGB", (8, 8), GREEN)), "image/jpeg")
    payload = {"bucket": "uploads", "key": "photo.jpg", "sizes": [{"width": 4}]}
    assert image_resize(ImageResize.model_validate(payload), context)["files"][0]["key"].endswith("/4x.jpg")


def test_transparency_is_kept_where_the_format_can(context: RecordingContext) -> None:
    """And what is invisible lends its neighbours no colour."""
    image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 31, 64))
    for format_ in ("png", "webp"):
        made = resized(context, encoded(image), width=20, format=format_, quality=100)
        assert made.mode == "RGBA"
        assert made.getpixel((18, 10))[3] == 0
        edge = [made.getpixel((x, 10)) for x in range(20)]
        assert all(pixel[1] < 40 for pixel in edge if pixel[3] > 200)


def test_colours_are_converted_from_the_embedded_profile(context: RecordingContext) -> None:
    """The same numbers mean another colour in another space; what is not a profile is left aside."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    plain = encoded(Image.new("RGB", (16, 16), (200, 100, 50)), icc_profile=_swapped_profile())
    assert not about(resized(context, plain, width=8, format="png").getpixel((4, 4)), (200, 100, 50), 3)
    for useless in (b"not a profile", lab):
        data = encoded(Image.new("RGB", (16, 16), (200, 100, 50)), icc_profile=useless)
        assert about(resized(context, data, width=8, format="png").getpixel((4, 4)), (200, 100, 50), 3)
    assert any("profile" in message for message, _ in context.logs)


def test_a_wide_gamut_is_converted_to_srgb_to_the_right_colour(context: RecordingContext) -> None:
    """Display P3, whose green and red lie outside of sRGB; what lies inside has known numbers: those of the
    matrix in CSS Color 4, calculated by hand."""
    data = encoded(Image.new("RGB", (16, 16), (200, 100, 50)), icc_profile=_display_p3())
    assert about(resized(context, data, width=8, format="png").getpixel((4, 4)), (215, 93, 31), 2)
    assert context.logs[-1][0] == "read"


def _display_p3() -> bytes:
    """sRGB's profile (the same curve and white) with the primaries of Display P3, adapted to D50."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for name, values in primaries.items():
        entry = profile.index(name)
        place = int.from_bytes(profile[entry + 4 : entry + 8], "big")
        profile[place + 8 : place + 20] = struct.pack(">3i", *(round(value * 65536) for value in values))
    return bytes(profile)


def test_a_profile_of_megabytes_is_left_aside_and_does_no_harm(context: RecordingContext) -> None:
    """It is no profile, and it is not in what is made."""
    data = encoded(Image.new("RGB", (16, 16), RED), "JPEG", icc_profile=os.urandom(4_000_000))
    assert len(data) > 4_000_000
    made = resized(context, data, width=8, format="webp")
    assert about(made.convert("RGB").getpixel((4, 4)), RED)
    assert "icc_profile" not in made.info


def _swapped_profile() -> bytes:
    """sRGB with the primaries of red and blue exchanged, so a conversion cannot go unseen."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, blue = profile.find(b"rXYZ"), profile.find(b"bXYZ")
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({"width": 4000}, (80, 40)),
        ({"width": 4000, "height": 10}, (20, 10)),
        ({"width": 200, "upscale": True}, (200, 100)),
        ({"width": 20, "height": 20}, (20, 10)),
        ({"width": 20, "height": 20, "fit": "cover"}, (20, 20)),
        ({"width": 400, "height": 400, "fit": "cover"}, (40, 40)),
        ({"width": 400, "height": 100, "fit": "cover", "upscale": True}, (400, 100)),
        ({"width": 1}, (1, 1)),
    ],
)
def test_an_image_is_never_enlarged_unless_asked(
    context: RecordingContext, size: dict[str, Any], expected: tuple[int, int]
) -> None:
    """And its shape is kept: contain fits within the box, cover cuts the overhang off."""
    assert resized(context, encoded(quarters()), format="png", **size).size == expected


def test_covering_cuts_evenly(context: RecordingContext) -> None:
    """The middle stays in the middle."""
    made = resized(context, encoded(quarters(80, 40)), width=40, height=40, fit="cover", format="png").convert("RGB")
    corners = [made.getpixel(point) for point in ((2, 2), (37, 2), (2, 37), (37, 37))]
    assert corners == [RED, GREEN, BLUE, WHITE]


def test_scaling_is_catmull_rom(context: RecordingContext) -> None:
    """The kernel with a = -0.5: at a step it overshoots by the kernel's own negative lobe."""

    def kernel(x: float) -> float:
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    source = [50, 50, 50, 50, 200, 200, 200, 200]
    image = Image.new("L", (8, 1))
    image.putdata(source)
    made = resized(context, encoded(image), width=16, upscale=True, format="png")
    for x in range(4, 12):
        centre = (x + 0.5) / 2 - 0.5
        expected = sum(value * kernel(centre - index) for index, value in enumerate(source))
        assert abs(made.getpixel((x, 0)) - expected) <= 1.0


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_truncated_image_is_discarded_with_a_clear_message(context: RecordingContext, format_: str) -> None:
    """No attempt could succeed."""
    data = encoded(Image.effect_noise((200, 200), 80).convert("RGB"), format_)
    with pytest.raises(Discard, match=r"damaged|broken off|not an image"):
        resized(context, data[: len(data) // 2], width=20)


@pytest.mark.parametrize("data", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_discarded(context: RecordingContext, data: bytes) -> None:
    """Among it what Pillow would hand to another program, such as PostScript."""
    with pytest.raises(Discard, match="image"):
        resized(context, data, width=20)


@pytest.mark.parametrize("side", [1200, 20_000])
def test_a_bomb_is_refused_before_a_pixel_is_decoded(tmp_path: Path, settings: Settings, side: int) -> None:
    """The size is in the header; behind it there is nothing that could be decoded."""
    context = RecordingContext(tmp_path, settings.replace(images__max_pixels=1_000_000))
    bomb = encoded(Image.new("1", (side, side)))
    header_only = bomb[: bomb.index(b"IDAT") + 8]
    with pytest.raises(Discard, match="1,000,000 pixels"):
        resized(context, header_only, width=20)


@pytest.mark.parametrize("box", [{"width": 2000}, {"width": 2000, "height": 600, "fit": "cover"}])
def test_an_image_is_not_enlarged_beyond_the_limit(tmp_path: Path, settings: Settings, box: dict[str, Any]) -> None:
    """Seventy bytes could ask for gigabytes of memory otherwise."""
    context = RecordingContext(tmp_path, settings.replace(images__max_pixels=1_000_000))
    with pytest.raises(Discard, match="1,000,000 pixels"):
        resized(context, encoded(quarters()), upscale=True, **box)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_sixty_thousand_pixels_a_side_are_refused_by_default(context: RecordingContext, kind: str) -> None:
    """3.6 thousand million pixels, claimed by a file of some bytes."""
    if kind == "PNG":
        small = _png_of_sixteen_bits(1, 1, (0, 0, 0))
        header = small[12:16] + struct.pack(">II", 60_000, 60_000) + small[24:29]
        bomb = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    else:
        small = encoded(Image.new("P", (1, 1)), "GIF")
        bomb = small[:6] + struct.pack("<HH", 60_000, 60_000) + small[10:]
    with pytest.raises(Discard, match=r"60000x60000|pixels, the limit"):
        resized(context, bomb, width=20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objects__access_key": "nobody"}, "InvalidAccessKeyId|AccessDenied"),
        ({"objects__secret_key": "wrong"}, "SignatureDoesNotMatch|AccessDenied"),
        ({}, "there is no object no-such-bucket/a.png"),
    ],
    ids=["access key", "secret", "bucket"],
)
def test_what_s3_refuses_is_discarded_with_the_reason(
    s3_settings: Settings, tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    """No attempt could succeed, and the error says which settings to look at, but not what they are."""
    context = RecordingContext(tmp_path, s3_settings.replace(**changes))
    payload = {"bucket": "no-such-bucket", "key": "a.png", "sizes": [{"width": 10}]}
    with pytest.raises(Discard, match=message) as refused:
        image_resize(ImageResize.model_validate(payload), context)
    assert s3_settings["objects.secret_key"] not in str(refused.value)
    assert not changes or "JOBSCHED_S3_SECRET_KEY" in str(refused.value)


def test_an_image_is_fetched_by_url(web: Web, tmp_path: Path, settings: Settings) -> None:
    """Where the operator lets it."""
    context = RecordingContext(tmp_path, settings.replace(fetch__allow=("127.0.0.1",)))
    url = web.serve("/a.png", encoded(quarters()))
    result = image_resize(ImageResize.model_validate({"url": url, "sizes": [{"width": 10}]}), context)
    assert (result["width"], result["height"]) == (80, 40)
    assert result["files"][0]["key"] == "resized/42/10x.jpg"


def test_a_url_decides_between_retry_and_discard(web: Web, tmp_path: Path, settings: Settings) -> None:
    """Refused or gone: no attempt can succeed. Busy: later, when the server says."""
    context = RecordingContext(tmp_path, settings.replace(fetch__allow=("127.0.0.1",)))

    def run(url: str, context: RecordingContext) -> None:
        image_resize(ImageResize.model_validate({"url": url, "sizes": [{"width": 10}]}), context)

    with pytest.raises(Retry, match="503") as retry:
        run(web.serve("/busy", status=503, headers={"Retry-After": "9"}), context)
    assert retry.value.delay == 9.0
    with pytest.raises(Discard, match="404"):
        run(web.serve("/gone", status=404), context)
    with pytest.raises(Discard, match="JOBSCHED_FETCH_ALLOW"):
        run(web.serve("/here", b"x"), RecordingContext(tmp_path))


def test_a_signed_url_works_and_a_tampered_one_does_not(s3_settings: Settings, tmp_path: Path) -> None:
    """S3 itself checks the signature; the error does not repeat it."""
    from minio import Minio

    context = RecordingContext(tmp_path, s3_settings.replace(fetch__allow=("127.0.0.1",)))
    context.objects.put("signed", "a.png", encoded(quarters()), "image/png")
    client = Minio(
        s3_settings["objects.endpoint"].removeprefix("http://"),
        access_key=s3_settings["objects.access_key"],
        secret_key=s3_settings["objects.secret_key"],
        secure=False,
        region="us-east-1",
    )
    url = client.presigned_get_object("signed", "a.png")
    sizes = [{"width": 10}]
    assert image_resize(ImageResize.model_validate({"url": url, "sizes": sizes}), context)["files"]
    tampered = url.replace("X-Amz-Expires=604800", "X-Amz-Expires=604799")
    assert tampered != url
    with pytest.raises(Discard, match="403") as refused:
        image_resize(ImageResize.model_validate({"url": tampered, "sizes": sizes}), context)
    assert "Signature" not in str(refused.value)


def test_an_object_that_is_missing_or_too_large_is_discarded(tmp_path: Path, settings: Settings) -> None:
    """A store that cannot be reached is another matter: that is worth an attempt."""
    context = RecordingContext(tmp_path, settings.replace(fetch__max_bytes=10))
    with pytest.raises(Discard, match="11 bytes"):
        resized(context, b"x" * 11)
    context.objects.delete("uploads", "source")
    payload = ImageResize.model_validate({"bucket": "uploads", "key": "source", "sizes": [{"width": 1}]})
    with pytest.raises(Discard, match="no object uploads/source"):
        image_resize(payload, context)
    down = settings.replace(objects__endpoint="http://127.0.0.1:1", objects__access_key="k", objects__secret_key="s")
    with pytest.raises(ObjectStoreUnreachable):
        image_resize(payload, RecordingContext(tmp_path, down))


def test_a_cancelled_job_stops_before_the_next_size(context: RecordingContext) -> None:
    """Nothing more is written."""
    context.cancelled = True
    with pytest.raises(Cancelled):
        resized(context, encoded(quarters()), width=10)
    assert list(context.objects.list("images")) == []

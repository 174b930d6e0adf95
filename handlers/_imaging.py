"""Decoding, scaling and encoding of images with Pillow. Not a handler, and read only by one that runs:
payload models must load without it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from typing import cast

from PIL import Image, ImageChops, ImageCms, ImageOps

from ..core.handler import Discard

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")
"""What is decoded. Not EPS and its like: Pillow hands those to other programs."""
MAX_SIDE = 16383
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, IndexError, KeyError, TypeError, OverflowError)
"""What Pillow's decoders raise when the file is not what it says."""


def decode(data: bytes, max_pixels: int, note: Callable[[str], None]) -> Image.Image:
    """Return the (first) image in `data`: upright, in sRGB, of mode L, RGB or RGBA.

    note: told of a colour profile that could not be used. Discard: not an image, more than
    `max_pixels` (found out before a pixel is decoded), or broken off.
    """
    image = _open(data, max_pixels)
    try:
        image.load()
        plain_inks = image.format == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info
        image = ImageOps.exif_transpose(image)
        # Pillow takes every CMYK JPEG for one of Adobe's, which are inverted; libjpeg goes by the marker.
        return _to_srgb(_inverted(image) if plain_inks else image, note)
    except _BROKEN as error:
        reason = " ".join(str(error).split())[:200]
        raise Discard(f"the image is damaged or broken off — {reason or type(error).__name__}") from error


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header only."""
    Image.init()
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels  # the operator's limit is the one that counts
    try:
        image = Image.open(BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Discard(f"the image has more than {max_pixels:,} pixels, the limit") from error
    except _BROKEN as error:
        known = ", ".join(FORMATS)
        raise Discard(f"the data is not an image that can be read — {len(data):,} bytes, none of {known}") from error
    if image.width * image.height > max_pixels:
        raise Discard(f"the image is {image.width}x{image.height} — images.max_pixels allows {max_pixels:,} pixels")
    return image


def _inverted(image: Image.Image) -> Image.Image:
    made = ImageChops.invert(image)
    made.info = image.info
    return made


def _to_srgb(image: Image.Image, note: Callable[[str], None]) -> Image.Image:
    """Convert to L, RGB or RGBA with 8 bits a channel, colours as the embedded profile means them."""
    profile = image.info.get("icc_profile")
    image = _to_eight_bits(image)
    if image.mode in ("P", "PA", "LA", "La", "RGBa") or (image.mode != "RGBA" and "transparency" in image.info):
        image = image.convert("RGBA")
    if profile:
        image = _apply_profile(image, profile, note)
    return image if image.mode in ("L", "RGB", "RGBA") else image.convert("L" if image.mode == "1" else "RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """16- and 32-bit greys and floats as L; Pillow's own conversion would clip them to white."""
    if not image.mode.startswith(("I", "F")):
        return image
    wide = (image.convert("I") if image.mode.startswith("I") else image).convert("F")
    low, high = cast("tuple[float, float]", wide.getextrema())
    if image.mode.startswith("I") and low >= 0 and high <= 0xFFFF:
        low, high = 0, 0xFFFF
    scale = 255.0 / (high - low) if high > low else 1.0
    return wide.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")


def _apply_profile(image: Image.Image, profile: bytes, note: Callable[[str], None]) -> Image.Image:
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    base = image.convert("RGB") if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        made = ImageCms.profileToProfile(base, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        note(f"the colour profile was ignored: {' '.join(str(error).split())[:200]}")
        return image
    if made is None:
        return image
    if alpha:
        made.putalpha(alpha)
    return made


def resize(
    image: Image.Image, width: int | None, height: int | None, *, cover: bool, upscale: bool, max_pixels: int
) -> Image.Image:
    """Scale to fit within the box, or to cover it with the overhang cut off evenly. Discard: the new image would
    have more than `max_pixels`, or too long a side.

    Catmull-Rom, which is Pillow's BICUBIC (a = -0.5); when shrinking Pillow widens the kernel, so
    no pixel is left out however large the step. Transparent pixels lend no colour (premultiplied).
    """
    if cover and width and height:
        target, box = _cover(image.size, (width, height), upscale)
    else:
        target, box = (
            _contain(image.size, (width, height), upscale),
            (0.0, 0.0, float(image.width), float(image.height)),
        )
    if max(target) > MAX_SIDE:
        raise Discard(f"the new image would be {target[0]}x{target[1]} — at most {MAX_SIDE} pixels a side")
    if target[0] * target[1] > max_pixels:
        raise Discard(
            f"the new image would be {target[0]}x{target[1]} — images.max_pixels allows {max_pixels:,} pixels"
        )
    return image.resize(target, Image.Resampling.BICUBIC, box=box)


def _contain(size: tuple[int, int], box: tuple[int | None, int | None], upscale: bool) -> tuple[int, int]:
    scale = min(limit / side for limit, side in zip(box, size, strict=True) if limit)
    if not upscale:
        scale = min(scale, 1.0)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _cover(
    size: tuple[int, int], box: tuple[int, int], upscale: bool
) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """Return the new size and the part of the image that fills it."""
    scale = max(box[0] / size[0], box[1] / size[1])
    cut_width, cut_height = min(size[0], box[0] / scale), min(size[1], box[1] / scale)
    left, top = (size[0] - cut_width) / 2, (size[1] - cut_height) / 2
    if not upscale and scale > 1.0:
        box = max(1, round(cut_width)), max(1, round(cut_height))
    return box, (left, top, left + cut_width, top + cut_height)


def encode(image: Image.Image, format_: str, quality: int) -> bytes:
    """Return the file's bytes, without metadata. JPEG is progressive; what was transparent becomes white."""
    out = BytesIO()
    if format_ == "jpeg":
        flatten(image).save(out, "JPEG", quality=quality, progressive=True, optimize=True)
    elif format_ == "webp":
        image.save(out, "WEBP", quality=quality, method=4, exif=b"", icc_profile=b"")
    else:
        stripped = image.copy()
        stripped.info.clear()
        stripped.save(out, "PNG", optimize=True)
    return out.getvalue()


def flatten(image: Image.Image) -> Image.Image:
    """Return the image on white, without its alpha channel."""
    plain = image
    if image.mode == "RGBA":
        plain = Image.new("RGB", image.size, "white")
        plain.paste(image, mask=image.getchannel("A"))
    else:
        plain = image.copy()
    plain.info.clear()
    return plain

"""`image_resize`: one image, from a URL or the object store, in several sizes for the web."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.handler import Context, handler
from ._source import Bucket, Key, Url, fetch_for_job, put_object, read_object

MAX_SIDE = 16383
"""Pixels: the most that WebP can say, and more than a screen has."""
EXTENSIONS = {"jpeg": "jpg", "webp": "webp", "png": "png"}


class Size(BaseModel):
    """One image to make: at most `width` x `height`, or exactly that when it is to cover the box."""

    model_config = ConfigDict(extra="forbid")

    width: int | None = Field(None, ge=1, le=MAX_SIDE, description="pixels")
    height: int | None = Field(None, ge=1, le=MAX_SIDE, description="pixels")
    fit: Literal["contain", "cover"] = Field(
        "contain", description="contain: the whole image within the box; cover: the box filled, the rest cut off evenly"
    )
    format: Literal["jpeg", "webp", "png"] = Field("jpeg", description="of the new image")
    quality: int = Field(85, ge=1, le=100, description="of JPEG and WebP")
    upscale: bool = Field(False, description="whether a small image may be enlarged")
    name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$",
        description="of the file, without extension; default: the box",
    )

    @model_validator(mode="after")
    def _has_a_box(self) -> Size:
        if self.width is None and self.height is None:
            raise ValueError("give width, height or both")
        if self.fit == "cover" and (self.width is None or self.height is None):
            raise ValueError("fit=cover needs both width and height")
        return self

    @property
    def file_name(self) -> str:
        """`800x600-cover.jpg`, `800x.webp` (only the width was given) or `<name>.png`."""
        box = f"{self.width or ''}x{self.height or ''}" + ("-cover" if self.fit == "cover" else "")
        return f"{self.name or box}.{EXTENSIONS[self.format]}"


class ImageResize(BaseModel):
    """The image is at `url`, or it is object `key` of `bucket`: one of the two."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = Field(None, description="http(s) URL of the image; or give bucket and key")
    bucket: Bucket | None = Field(None, description="bucket of the object store in which the image is")
    key: Key | None = Field(None, description="its key there")
    sizes: list[Size] = Field(min_length=1, max_length=20, description="the new images")
    output_bucket: Bucket = "images"
    output_prefix: Key | None = Field(None, description="folder of the new images; default: resized/<job id>")

    @model_validator(mode="after")
    def _has_one_source(self) -> ImageResize:
        if (self.url is None) == (self.bucket is None and self.key is None):
            raise ValueError("give either url, or bucket and key")
        if self.url is None and (self.bucket is None or self.key is None):
            raise ValueError("bucket and key belong together: give both")
        names = [size.file_name for size in self.sizes]
        double = next((name for name in names if names.count(name) > 1), None)
        if double:
            raise ValueError(f"two sizes would both be written as {double}: give one of them a name")
        return self


@handler(
    "image_resize",
    timeout=300,
    examples=(
        {
            "url": "https://example.com/photo.jpg",
            "sizes": [{"width": 1600}, {"width": 320, "height": 320, "fit": "cover"}],
        },
        {"bucket": "uploads", "key": "photos/cat.png", "sizes": [{"height": 480, "format": "webp", "quality": 80}]},
    ),
)
def image_resize(payload: ImageResize, context: Context) -> dict[str, Any]:
    """Turn one image into several sizes, upright, in sRGB, as progressive JPEG, WebP or PNG.

    Of an animation it is the first image; what is transparent becomes white in a JPEG. What the image
    is decides, not its name.
    """
    from . import _imaging

    if payload.url:
        data = fetch_for_job(payload.url, context).body
    else:
        limit = context.settings["fetch.max_bytes"]
        data = read_object(payload.bucket or "", payload.key or "", context, max_bytes=limit)
    max_pixels = context.settings["images.max_pixels"]
    image = _imaging.decode(data, max_pixels, note=context.log)
    context.log("read", width=image.width, height=image.height, bytes=len(data))
    prefix = payload.output_prefix or f"resized/{context.job_id}"
    files = []
    for number, size in enumerate(payload.sizes, 1):
        context.check_cancelled()
        cover, upscale = size.fit == "cover", size.upscale
        made = _imaging.resize(image, size.width, size.height, cover=cover, upscale=upscale, max_pixels=max_pixels)
        encoded = _imaging.encode(made, size.format, size.quality)
        key = f"{prefix}/{size.file_name}"
        ref = put_object(payload.output_bucket, key, encoded, f"image/{size.format}", context)
        files.append({**ref.as_result(), "width": made.width, "height": made.height, "format": size.format})
        context.progress(number / len(payload.sizes), size.file_name)
    return {"width": image.width, "height": image.height, "files": files}

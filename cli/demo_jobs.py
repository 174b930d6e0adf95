"""What the demo submits, and how it knows that it went well."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.model.backoff import Backoff, BackoffKind
from ..core.model.job import Job, NewJob
from ..core.model.states import State
from ..core.objects import ObjectStore
from .demo_scene import SHOP

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..core.service import Service
    from .demo_web import DemoWeb

PHOTO = ("uploads", "demo/photo.jpg")
PHOTO_SIZE = (2400, 1600)
COLOUR = (31, 78, 121)
LINES = 5
SCRIPT = f"for i in 1 2 3 4 {LINES}; do echo line $i of {LINES}; sleep 0.3; done"
QUICK = Backoff(BackoffKind.FIXED, 0.5, 0.5)
TOTAL = "2280.71"
INVOICE = "DEMO-2026-001"
SIZES = ({"width": 1200}, {"width": 640, "format": "webp"}, {"width": 320, "height": 320, "fit": "cover"})
PIXELS = [(1200, 800), (640, 427), (320, 320)]


OLD = "demo-old"
"""The queue of the jobs that are archived."""
SOLD, LEFT = 3, 7


@dataclass(frozen=True, slots=True)
class Act:
    """One job of the demo. what: in words. problem: says what is wrong with how it ended, "" if nothing."""

    what: str
    job: NewJob
    problem: Callable[[Job, Service, ObjectStore], str]


def acts(web: DemoWeb) -> list[Act]:
    """The first jobs, in the order in which they are shown. web: where the HTTP request goes."""
    steady = {"message": "invalid_job: the printer is on fire"}
    command = {"argv": ["sh", "-c", SCRIPT]}
    resize = {"bucket": PHOTO[0], "key": PHOTO[1], "sizes": list(SIZES), "output_prefix": "demo"}
    return [
        Act("an invoice: three tax rates", NewJob("pdf_invoice", _invoice()), _check_invoice),
        Act("a photo in three sizes", NewJob("image_resize", resize), _check_images),
        Act(f"a program that prints {LINES} lines", NewJob("command", command), _check_lines),
        Act("an HTTP call, told to wait", NewJob("http_call", _order(web)), _check_call(web)),
        Act("a transaction, applied once", NewJob("db_tx", _sale()), _check_sale),
        Act(
            "fails twice, then succeeds",
            NewJob("fail", {**steady, "times": 2}, max_attempts=3, backoff=QUICK),
            ended(State.SUCCEEDED, attempt=3),
        ),
        Act(
            "always fails: ends in the DLQ",
            NewJob("fail", steady, max_attempts=2, backoff=QUICK),
            ended(State.DEAD, attempt=2),
        ),
    ]


def old_jobs() -> list[NewJob]:
    """Jobs that are soon archived; they are not shown."""
    return [NewJob("noop", {"note": f"old job {number}"}, queue=OLD) for number in (1, 2, 3)]


def put_photo(objects: ObjectStore) -> None:
    """Store what passes for a photo, from a camera that was held upside down."""
    from PIL import Image

    image = _photo().transpose(Image.Transpose.ROTATE_180)
    exif = Image.Exif()
    exif[0x0112] = 3
    objects.put(*PHOTO, _encoded(image, "JPEG", quality=90, exif=exif), "image/jpeg")


def files_of(job: Job) -> list[str]:
    """Paths of the files that a job made."""
    result = job.result if isinstance(job.result, dict) else {}
    made = [str(file["location"]) for file in result.get("files", []) if "location" in file]
    return made + ([str(result["file"])] if "file" in result else [])


def came_of(job: Job) -> str:
    """What a job's result says, in words; "" where it made nothing."""
    result = job.result if isinstance(job.result, dict) else {}
    match job.type:
        case "pdf_invoice":
            return f"total {result.get('total')} EUR"
        case "image_resize":
            return ", ".join(f"{file['width']}x{file['height']}" for file in result.get("files", []))
        case "command":
            return f"exit code {result.get('exit_code')}"
        case "http_call":
            return f"status {result.get('status')}: {result.get('body')}"
        case "db_tx":
            return f"{result.get('command')}, now {result.get('rows')}"
        case "email":
            return f"to {', '.join(result.get('accepted', []))}"
        case "data_archival":
            return ", ".join(
                f"{file['jobs']} jobs in {file['bucket']}/{file['key']}" for file in result.get("files", [])
            )
    return ""


def _photo() -> Image:
    """Sky, sea and sun, with the noise of a sensor."""
    from PIL import Image, ImageDraw

    gradient = Image.linear_gradient("L")
    down, across = gradient.resize(PHOTO_SIZE), gradient.rotate(90).resize(PHOTO_SIZE)
    image = Image.merge("RGB", (down.point(lambda v: 250 - v // 2), across.point(lambda v: 120 + v // 3), down))
    draw = ImageDraw.Draw(image)
    draw.ellipse((1650, 250, 2000, 600), fill=(255, 244, 214))
    draw.rectangle((0, 1050, *PHOTO_SIZE), fill=COLOUR)
    noise = Image.effect_noise(PHOTO_SIZE, 60).convert("RGB")
    return Image.blend(image, noise, 0.12)


def _logo() -> str:
    from PIL import Image, ImageDraw

    image = Image.new("RGBA", (480, 160), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, 160, 160), 36, fill=(*COLOUR, 255))
    draw.line((40, 84, 72, 116, 124, 48), fill="white", width=18, joint="curve")
    for bar, width in enumerate((280, 220, 160)):
        draw.rounded_rectangle((190, 22 + 46 * bar, 190 + width, 46 + 46 * bar), 12, fill=(*COLOUR, 255 - 70 * bar))
    return base64.b64encode(_encoded(image, "PNG")).decode()


def _encoded(image: Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def _invoice() -> dict[str, Any]:
    return {
        "number": INVOICE,
        "date": "2026-05-04",
        "due_date": "2026-05-18",
        "seller": {"name": "Jobsched Demo GmbH", "address": ["Hauptstraße 1", "10115 Berlin"], "tax_id": "DE123456789"},
        "buyer": {"name": "Ωμέγα Εμπορική", "address": ["Οδός Ερμού 5", "105 63 Αθήνα"]},
        "brand": {"colour": "#1f4e79", "logo": {"data": _logo()}},
        "currency": "EUR",
        "items": [
            {"description": "Consulting", "quantity": "12.5", "unit": "h", "unit_price": "140.00", "tax_rate": 19},
            {
                "description": "Handbook, printed",
                "quantity": 8,
                "unit_price": "29.90",
                "tax_rate": 7,
                "discount": {"percent": 10},
            },
            {"description": "Postage stamps", "quantity": 8, "unit_price": "1.80"},
        ],
        "discount": {"percent": 2},
        "notes": "Thank you for trying jobsched out.",
    }


def ended(state: State, attempt: int) -> Callable[[Job, Service, ObjectStore], str]:
    """Return a check that a job ended in this state, in this attempt."""

    def problem(job: Job, service: Service, objects: ObjectStore) -> str:
        if job.state is not state:
            return f"it is {job.state}, not {state}: {job.error or 'no error'}"
        return "" if job.attempt == attempt else f"it took {job.attempt} attempts, not {attempt}"

    return problem


def _check_invoice(job: Job, service: Service, objects: ObjectStore) -> str:
    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    if not Path(files_of(job)[0]).read_bytes().startswith(b"%PDF-"):
        return f"{files_of(job)[0]} is no PDF"
    return "" if job.result["total"] == TOTAL else f"its total is {job.result['total']}, not {TOTAL}"


def _check_images(job: Job, service: Service, objects: ObjectStore) -> str:
    from PIL import Image

    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    sizes = []
    for path in files_of(job):
        with Image.open(path) as image:
            image.load()
            sizes.append(image.size)
    return "" if sizes == PIXELS else f"the sizes are {sizes}, not {PIXELS}"


def _check_lines(job: Job, service: Service, objects: ObjectStore) -> str:
    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    text = "".join(chunk.text for chunk in service.output(job.id) if chunk.stream == "stdout")
    expected = "".join(f"line {number} of {LINES}\n" for number in range(1, LINES + 1))
    return "" if text == expected else f"it printed {text[:200]!r}"


def _order(web: DemoWeb) -> dict[str, Any]:
    return {"url": web.url, "method": "POST", "json": {"item": "widget", "amount": SOLD}, "expect": [201]}


def _check_call(web: DemoWeb) -> Callable[[Job, Service, ObjectStore], str]:
    def problem(job: Job, service: Service, objects: ObjectStore) -> str:
        found = ended(State.SUCCEEDED, attempt=2)(job, service, objects)
        if found:
            return found
        return "" if len(web.orders) == 1 else f"the service took {len(web.orders)} orders, not one"

    return problem


def _sale() -> dict[str, Any]:
    query = "update stock set amount = amount - $1 where item = $2 returning amount"
    return {"connection": SHOP, "query": query, "params": [SOLD, "widget"]}


def _check_sale(job: Job, service: Service, objects: ObjectStore) -> str:
    problem = ended(State.SUCCEEDED, attempt=1)(job, service, objects)
    if problem:
        return problem
    rows = job.result.get("rows")
    return "" if rows == [[LEFT]] else f"its rows are {rows}, not {[[LEFT]]}"

"""Cron expressions to compare calendars over: chosen ones, and any number of made-up ones."""

from __future__ import annotations

import random
from itertools import product

TIMES = [f"{minute} {hour} * * *" for minute, hour in product((0, 1, 29, 30, 59), (0, 1, 2, 3, 22, 23))]
"""Times of day, each of which some zone skips or has twice."""
CHOSEN = [
    *TIMES,
    *(f"{minute} * * * *" for minute in ("*", "0", "1", "29", "30", "31", "59", "0,30", "15-45/15", "5/25")),
    *(f"*/{step} * * * *" for step in (1, 5, 7, 15, 20, 30, 45, 60)),
    *(f"0 */{step} * * *" for step in (1, 2, 3, 5, 6, 12, 24)),
    *(f"{minute} {hour} * * *" for minute, hour in product(("*", "*/10", "*/59"), ("0", "1", "2", "3", "1-3", "23"))),
    *(f"{minute} {hour} * * *" for minute, hour in product(("0-59", "0,30", "5/10", "58-59"), ("2", "0-3", "1/2"))),
    "0 0 * * *",
    *(f"15 {hour} * * *" for hour in ("*", "*/2", "1-23/2", "0,1,2,3", "23,0", "0-23")),
    *(f"30 2 {day} * *" for day in ("1", "31", "L", "LW", "*/2", "8-14", "25-31", "1,15,L", "29", "28-31", "27")),
    *(f"0 1 * * {day}" for day in ("0", "7", "SUN", "sat,sun", "5-7", "mon-fri", "*/2", "*/7", "SUN#2", "7L", "6#5")),
    *("30 1 1-7 * 0", "30 1 8-14 * SUN", "0 3 25-31 * 0", "0 0 13 * 5", "30 2 L * 7", "0 0 LW * MON#1", "0 2 * * 1#1"),
    *("30 1 */2 * 0", "30 1 1-7 * */7", "0 0 */31 * */3", "0 3 *,1 * 0", "0 0 1,L * 0L"),
    *(
        "30 2 * 3 *",
        "30 2 * MAR,oct,Nov 0",
        "0 0 1 1 *",
        "59 23 31 12 *",
        "0 0 1 */3 *",
        "30 2 29 2 *",
        "0 0 * 2 MON#5",
    ),
    *("*/30 * * 3,10,11 0", "* 2 * 3 7", "0 */6 L * *", "*/10 0 1 * *", "* * 29 2 *", "0 0 31 2 1", "0 0 31 2 *"),
    *("0 0 1 * *", "0 0 * * 0", "0-59/1 0-23/1 1-31 1-12 0-7", "0-59 * * * *", "* 0-23 * * *"),
    *("20-20/2 2-2/3 * * *", "0 0 * * mon-mon/2"),
]


def made_up(count: int, seed: int) -> list[str]:
    """`count` expressions of any shape, the same for the same seed."""
    chance = random.Random(seed)
    return [
        " ".join(
            [
                field(chance, 0, 59, star=0.25, dense=0.05),
                field(chance, 0, 23, star=0.3, dense=0.2),
                chance.choice(["*"] * 8 + ["L", "LW"] + [field(chance, 1, 31, star=0.3, dense=0.3)] * 6),
                chance.choice(["*"] * 4 + [field(chance, 1, 12, star=0.3, dense=0.4)]),
                chance.choice(["*"] * 6 + ["6L", "0#1", "sun#5"] + [field(chance, 0, 7, star=0.3, dense=0.3)] * 5),
            ]
        )
        for _ in range(count)
    ]


def field(chance: random.Random, low: int, high: int, *, star: float, dense: float) -> str:
    """One field: a star, a step, a range or a list. star, dense: how often it is a star, or holds many numbers."""
    if chance.random() < star:
        return chance.choice(["*", f"*/{chance.randint(2, high - low)}"])
    if chance.random() < dense:
        first = chance.randint(low, high)
        span = f"{first}-{chance.randint(first, high)}"
        return chance.choice([span, f"{span}/{chance.randint(1, 7)}"])
    return ",".join(str(chance.randint(low, high)) for _ in range(chance.choice([1, 1, 1, 2, 3])))

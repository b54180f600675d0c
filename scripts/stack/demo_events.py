"""What the demo shows: events of several kinds, places, languages and currencies."""

from dataclasses import dataclass, field
from string import ascii_uppercase
from typing import Any

Json = dict[str, Any]


def general(capacity: int) -> Json:
    return {"kind": "general", "capacity": capacity}


def assigned(*sections: tuple[str, int, int, int]) -> Json:
    """``(name, price in minor units, rows, seats in a row)`` for each section."""
    return {
        "kind": "assigned",
        "sections": [
            {
                "name": name,
                "price": price,
                "rows": [{"name": row, "seats": seats} for row in ascii_uppercase[:rows]],
            }
            for name, price, rows, seats in sections
        ],
    }


@dataclass(frozen=True)
class DemoEvent:
    title: str
    description: str
    category: str
    venue: str
    city: str
    timezone: str
    days_ahead: int
    hour: int
    hours: int = 2
    price: int = 0
    currency: str = "EUR"
    seating: Json = field(default_factory=lambda: general(100))
    is_published: bool = True


EVENTS = (
    DemoEvent(
        "Jazz in the Courtyard",
        "A trio under the chestnut trees. Bring a blanket; drinks at the bar.",
        "Music", "Kulturhof", "Berlin", "Europe/Berlin", 6, 19,
        price=1800, seating=general(120),
    ),
    DemoEvent(
        "Кремль: ночная экскурсия",
        "Прогулка по вечернему Кремлю с историком. Сбор у Кутафьей башни.",
        "Excursion", "Кутафья башня", "Москва", "Europe/Moscow", 9, 21,
        price=150000, currency="RUB", seating=general(25),
    ),
    DemoEvent(
        "The Cherry Orchard",
        "Chekhov's last play, in a new staging. With an interval of twenty minutes.",
        "Theatre", "Small Stage", "London", "Europe/London", 12, 19, 3,
        price=3500, currency="GBP",
        seating=assigned(("Stalls", 4500, 8, 16), ("Circle", 3000, 4, 14), ("Balcony", 1500, 3, 12)),
    ),
    DemoEvent(
        "Python Meetup",
        "Three talks and pizza. Beginners are welcome.",
        "Technology", "Station F", "Paris", "Europe/Paris", 15, 18, 3,
        seating=general(80),
    ),
    DemoEvent(
        "Балет «Щелкунчик»",
        "Праздничный спектакль для всей семьи. Музыка П. И. Чайковского.",
        "Ballet", "Большой зал", "Санкт-Петербург", "Europe/Moscow", 20, 18, 3,
        price=250000, currency="RUB",
        seating=assigned(("Партер", 400000, 10, 20), ("Бельэтаж", 250000, 5, 18)),
    ),
    DemoEvent(
        "Wine Tasting: Douro Valley",
        "Six wines, six stories, bread and olive oil.",
        "Food", "Armazém 7", "Porto", "Europe/Lisbon", 23, 17,
        price=4200, seating=general(16),
    ),
    DemoEvent(
        "Ночь кино: Тарковский",
        "«Сталкер» и «Зеркало» с плёнки 35 мм, в перерыве чай.",
        "Film", "Иллюзион", "Казань", "Europe/Moscow", 27, 20, 6,
        price=60000, currency="RUB", seating=assigned(("Зал", 60000, 6, 12)),
    ),
    DemoEvent(
        "City Half Marathon",
        "Flat and fast along the river. Bib collection from 7:00.",
        "Sport", "Riverside Park", "Vienna", "Europe/Vienna", 40, 9, 4,
        price=3900, seating=general(2000),
    ),
    DemoEvent(
        "Standup Open Mic",
        "Ten comedians, five minutes each, no refunds for laughing.",
        "Comedy", "The Cellar", "New York", "America/New_York", 11, 20,
        price=1000, currency="USD", seating=general(60),
    ),
    DemoEvent(
        "Children's Concert: Peter and the Wolf",
        "For children from four years. Fifty minutes without an interval.",
        "Music", "Konserthus", "Oslo", "Europe/Oslo", 33, 11, 1,
        price=12000, currency="NOK", seating=assigned(("Hall", 12000, 10, 18)),
    ),
    DemoEvent(
        "Pottery for Beginners",
        "A bowl of your own by the end of the evening. Clay and firing included.",
        "Workshop", "Studio Lehm", "Zürich", "Europe/Zurich", 18, 18, 3,
        price=8500, currency="CHF", seating=general(10),
    ),
    DemoEvent(
        "Spring Gala",
        "Still being planned: only its organizer sees it.",
        "Music", "Town Hall", "Berlin", "Europe/Berlin", 120, 19, 4,
        price=6000, seating=general(300), is_published=False,
    ),
)  # fmt: skip  # an event in a few lines, as one reads it

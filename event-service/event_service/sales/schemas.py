"""What an organizer reads of an event's sales. Amounts are in minor units of the event's currency."""

from datetime import date

from pydantic import BaseModel, Field


class SectionSales(BaseModel):
    name: str
    capacity: int
    booked: int
    revenue: int


class DaySales(BaseModel):
    """A day on which seats were booked that still are."""

    date: date
    seats: int
    revenue: int


class SalesPublic(BaseModel):
    booked: int = Field(description="Seats of confirmed bookings.")
    held: int = Field(description="Seats in holds, those that are offered to the waitlist too.")
    checked_in: int = Field(description="Tickets that were used.")
    waiting: int = Field(description="Seats that people wait for.")
    revenue: int = Field(description="The prices of what is booked, in minor units.")
    sections: list[SectionSales] = Field(description="Empty with general admission.")
    days: list[DaySales] = Field(description="In the event's time zone, the first one first.")

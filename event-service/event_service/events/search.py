"""The search for events by words, and its ranking.

Every word must match in an event's title, description, venue or city: in full, by its stem (Russian or
English), as a prefix, or, from five letters on, with one typo (a letter wrong, missing, too many or
transposed). Accents and case are ignored. A word after a minus must not match.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Select,
    String,
    Subquery,
    Text,
    bindparam,
    case,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy import func, literal, select, text, union
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from event_service.models import Event, EventSearch
from service_kit.database.tables import table_of
from service_kit.problems import InvalidRequest

MAX_WORDS = 20
# A single letter is a prefix of a good part of all words.
SHORTEST_PREFIX = 2
SHORTEST_WITH_TYPO = 5
# Fewer matches are found by the index of words, and all of them are ranked. Of more matches the next
# CANDIDATES by start are ranked, which PostgreSQL finds by the index on the start. It cannot estimate
# prefixes itself: it takes every prefix for common.
COMMON = 5_000
CANDIDATES = 200
NEAR_WORDS = 30
# Events that may be published between two statements.
SPARE = 10

# A generic plan would not know the words, and a sequential scan is never the way to few matches.
_READ_WORDS = text("""
    SELECT term.is_excluded, word.word,
        tsvector_to_array(to_tsvector('pg_catalog.russian', word.word)) AS stems,
        set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('enable_seqscan', 'off', true)
    FROM unnest(:words) WITH ORDINALITY AS query_word(value, number),
        LATERAL (SELECT starts_with(value, '-') AS is_excluded) AS term,
        LATERAL unnest(string_to_array(event_words(value), ' ')) WITH ORDINALITY AS word(word, part)
    WHERE word.word <> ''
    ORDER BY number, part
""").bindparams(bindparam("words", type_=ARRAY(String)))
_NEAR = text("""
    SELECT DISTINCT word FROM search_spelling WHERE spelling = ANY(:spellings) LIMIT 1000
""").bindparams(bindparam("spellings", type_=ARRAY(String)))


@dataclass(frozen=True)
class Word:
    """A word of the query, its stems, and indexed words that differ by one typo."""

    text: str
    stems: Sequence[str]
    near: Sequence[str] = ()

    @property
    def may_be_a_typo(self) -> bool:
        return len(self.text) >= SHORTEST_WITH_TYPO and not any(map(str.isdigit, self.text))

    def exact(self, weights: str = "") -> list[str]:
        words = dict.fromkeys((self.text, *self.stems))
        return [_lexeme(word, weights) for word in words]

    def typed(self, weights: str = "") -> list[str]:
        if len(self.text) < SHORTEST_PREFIX:
            return self.exact(weights)
        return [_lexeme(self.text, "*" + weights), *self.exact(weights)]

    def meant(self) -> list[str]:
        return [*self.typed(), *(_lexeme(word) for word in self.near)]


def _lexeme(word: str, suffix: str = "") -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}':{suffix}" if suffix else f"'{quoted}'"


_TABLE = table_of(EventSearch)


def _matches(column: ColumnElement[Any], query: str) -> ColumnElement[bool]:
    return column.op("@@")(sql_cast(literal(query, Text), TSQUERY))


@dataclass(frozen=True)
class Match:
    """A column of ``event_search``, a tsquery, and the number of matches; None for more than COMMON."""

    column: str
    query: str
    count: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        return _matches(_TABLE.c[self.column], self.query)

    def narrow(self, events: Select[Any]) -> tuple[Select[Any], FromClause]:
        """The events that match, and the table with their words."""
        if self.count is None:
            on = _TABLE.c.event_id == col(Event.id)
            return events.join(_TABLE, on).where(self.condition), _TABLE
        # The limit tells PostgreSQL how few rows there are; otherwise it would check the words of each event.
        words = select(_TABLE).where(self.condition).limit(self.count + SPARE).subquery()
        return events.join(words, words.c.event_id == col(Event.id)), words


@dataclass(frozen=True)
class Search:
    included: Sequence[Word]
    excluded: Sequence[Word]
    # Matches in the title, anywhere, and, last, anywhere with typos.
    matches: Sequence[Match] = ()

    @property
    def is_empty(self) -> bool:
        return not self.included and not self.excluded

    def narrow(self, events: Select[Any]) -> Select[Any]:
        """For lists that are not sorted by relevance."""
        return self.matches[-1].narrow(events)[0]

    def ranked(self, condition: ColumnElement[bool]) -> Subquery:
        """Events by ``id`` and ``starts_at`` with their ``rank``, the best being 0."""
        parts = []
        for match in self.matches:
            events = select(col(Event.id), col(Event.starts_at)).where(condition)
            part, words = match.narrow(events)
            part = part.add_columns(self._rank(words).label("rank"))
            if match.count is None:
                part = part.order_by(col(Event.starts_at), col(Event.id)).limit(CANDIDATES)
            parts.append(part)
        return union(*parts).subquery("ranked")

    def _rank(self, words: FromClause) -> ColumnElement[int]:
        """Title first, then title or place, then anywhere; each with whole words before prefixes; typos
        last."""
        ranks = [
            _matches(words.c[column], self.query(kind(word, weights) for word in self.included))
            for column, weights in (("title", ""), ("words", "AB"), ("words", ""))
            for kind in (Word.exact, Word.typed)
        ]
        meant = self.query(word.meant() for word in self.included)
        ranks.append(_matches(words.c.title, meant))
        return case(*((match, rank) for rank, match in enumerate(ranks)), else_=len(ranks))

    def query(self, alternatives: Iterable[Iterable[str]]) -> str:
        parts = [f"({'|'.join(words)})" for words in alternatives]
        parts += [f"!({'|'.join(word.exact())})" for word in self.excluded]
        return "&".join(parts)


WORST_RANK = 7


async def read_search(session: AsyncSession, q: str) -> Search:
    """Raises InvalidRequest for too many words."""
    rows = (await session.execute(_READ_WORDS, {"words": q.split()})).all()
    if len(rows) > MAX_WORDS:
        raise InvalidRequest.field("q", f"It has more than {MAX_WORDS} words.")
    words = {(row.is_excluded, row.word): Word(row.word, row.stems) for row in rows}
    excluded = [word for (is_excluded, _), word in words.items() if is_excluded]
    included = [word for (is_excluded, _), word in words.items() if not is_excluded]
    # Stop words count only if there are no other words.
    included = [word for word in included if word.stems] or included
    search = Search(await _with_near_words(session, included), excluded)
    return replace(search, matches=await _count_matches(session, search))


async def _count_matches(session: AsyncSession, search: Search) -> list[Match]:
    """The kinds of matches, each with its number up to COMMON."""
    typed = search.query(word.typed() for word in search.included)
    matches = [Match("title", typed), Match("words", typed)]
    if any(word.near for word in search.included):
        matches.append(Match("words", search.query(word.meant() for word in search.included)))
    if not search.included:
        # Only excluded words: almost all events match.
        return matches[1:]
    counts = [
        select(func.count())
        .select_from(select(_TABLE.c.event_id).where(match.condition).limit(COMMON + 1).subquery())
        .scalar_subquery()
        for match in matches
    ]
    counted = (await session.execute(select(*counts))).one()
    return [
        replace(match, count=count if count <= COMMON else None)
        for match, count in zip(matches, counted, strict=True)
    ]


async def _with_near_words(session: AsyncSession, words: Sequence[Word]) -> list[Word]:
    forms = {word.text: {word.text, *word.stems} for word in words if word.may_be_a_typo}
    spelled = {part for of_word in forms.values() for form in of_word for part in spellings(form)}
    if not spelled:
        return list(words)
    indexed = (await session.execute(_NEAR, {"spellings": sorted(spelled)})).scalars().all()
    return [
        replace(word, near=_near(word, forms[word.text], indexed)) if word.text in forms else word
        for word in words
    ]


def _near(word: Word, forms: Iterable[str], indexed: Iterable[str]) -> list[str]:
    others = (one for one in indexed if not one.startswith(word.text))
    near = (one for one in others if any(is_one_typo_from(form, one) for form in forms))
    return sorted(near)[:NEAR_WORDS]


def spellings(word: str) -> set[str]:
    """As ``event_spellings()`` of the database."""
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


def is_one_typo_from(word: str, other: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two adjacent ones are transposed."""
    if len(word) > len(other):
        word, other = other, word
    at = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))
    if len(word) < len(other):
        return word[at:] == other[at + 1 :]
    transposed = other[at + 1 : at + 2] + other[at : at + 1] + other[at + 2 :]
    return word != other and (word[at + 1 :] == other[at + 1 :] or word[at:] == transposed)

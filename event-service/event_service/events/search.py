"""What a search asks for, and in what order its answers come.

Every word must be found in an event's title, description, venue or city: as it is, by its stem (Russian
or English), as the beginning of a word, or, from five letters on, with one letter wrong, missing, too many
or in its neighbour's place. Accents and case count nowhere. A word behind a minus must not be found.
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
# A single letter begins a good part of all words.
SHORTEST_BEGINNING = 2
SHORTEST_WITH_TYPO = 5
# What fewer events match is looked up by its words, and all of it put in order. Of what more match the
# next ones are found by walking along the calendar, which does not take long then; so many of them are
# put in order. PostgreSQL cannot tell the two apart: it takes any beginning for common.
COMMON = 5_000
CANDIDATES = 200
NEAR_WORDS = 30
# Events that come between two statements.
SPARE = 10

# With values unknown PostgreSQL would plan for any word, and to read all is never the way to few.
_ASKED = text("""
    SELECT asked.is_excluded, word.word,
        tsvector_to_array(to_tsvector('pg_catalog.russian', word.word)) AS stems,
        set_config('plan_cache_mode', 'force_custom_plan', true),
        set_config('enable_seqscan', 'off', true)
    FROM unnest(:words) WITH ORDINALITY AS asked_word(given, place),
        LATERAL (SELECT starts_with(given, '-') AS is_excluded) AS asked,
        LATERAL unnest(string_to_array(event_words(given), ' ')) WITH ORDINALITY AS word(word, part)
    WHERE word.word <> ''
    ORDER BY place, part
""").bindparams(bindparam("words", type_=ARRAY(String)))
_NEAR = text("""
    SELECT DISTINCT word FROM search_spelling WHERE spelling = ANY(:spellings) LIMIT 1000
""").bindparams(bindparam("spellings", type_=ARRAY(String)))


@dataclass(frozen=True)
class Word:
    """A word of the query, its stems, and known words of which it may be a typo."""

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
        if len(self.text) < SHORTEST_BEGINNING:
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
    """A column of ``event_search``, what is asked of it, and how many events match; None for many."""

    column: str
    query: str
    count: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        return _matches(_TABLE.c[self.column], self.query)

    def narrow(self, events: Select[Any]) -> tuple[Select[Any], FromClause]:
        """Those of the events that match, and where their words are."""
        if self.count is None:
            on = _TABLE.c.event_id == col(Event.id)
            return events.join(_TABLE, on).where(self.condition), _TABLE
        # The limit tells PostgreSQL how few there are. It takes any beginning for common, and would ask
        # each event for its words.
        words = select(_TABLE).where(self.condition).limit(self.count + SPARE).subquery()
        return events.join(words, words.c.event_id == col(Event.id)), words


@dataclass(frozen=True)
class Search:
    wanted: Sequence[Word]
    excluded: Sequence[Word]
    # What is matched in the title, and anywhere; the last is all that is meant, typos too.
    matches: Sequence[Match] = ()

    @property
    def is_empty(self) -> bool:
        return not self.wanted and not self.excluded

    def narrow(self, events: Select[Any]) -> Select[Any]:
        """For lists in another order than the best first."""
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
        """First what is in the title, then in title or place, then anywhere, each by whole words before
        beginnings; then typos."""
        ranks = [
            _matches(words.c[column], self.query(kind(word, weights) for word in self.wanted))
            for column, weights in (("title", ""), ("words", "AB"), ("words", ""))
            for kind in (Word.exact, Word.typed)
        ]
        meant = self.query(word.meant() for word in self.wanted)
        ranks.append(_matches(words.c.title, meant))
        return case(*((match, rank) for rank, match in enumerate(ranks)), else_=len(ranks))

    def query(self, alternatives: Iterable[Iterable[str]]) -> str:
        parts = [f"({'|'.join(words)})" for words in alternatives]
        parts += [f"!({'|'.join(word.exact())})" for word in self.excluded]
        return "&".join(parts)


WORST_RANK = 7


async def read_search(session: AsyncSession, q: str) -> Search:
    """Raises InvalidRequest for too many words."""
    rows = (await session.execute(_ASKED, {"words": q.split()})).all()
    if len(rows) > MAX_WORDS:
        raise InvalidRequest.field("q", f"It has more than {MAX_WORDS} words.")
    words = {(row.is_excluded, row.word): Word(row.word, row.stems) for row in rows}
    excluded = [word for (is_excluded, _), word in words.items() if is_excluded]
    wanted = [word for (is_excluded, _), word in words.items() if not is_excluded]
    # Words such as "the" count only where there is no other.
    wanted = [word for word in wanted if word.stems] or wanted
    search = Search(await _with_near_words(session, wanted), excluded)
    return replace(search, matches=await _weighed(session, search))


async def _weighed(session: AsyncSession, search: Search) -> list[Match]:
    """The kinds of matches, each counted as far as it takes to know whether it is common."""
    typed = search.query(word.typed() for word in search.wanted)
    matches = [Match("title", typed), Match("words", typed)]
    if any(word.near for word in search.wanted):
        matches.append(Match("words", search.query(word.meant() for word in search.wanted)))
    if not search.wanted:
        # All events but some.
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
    asked = {part for of_word in forms.values() for form in of_word for part in spellings(form)}
    if not asked:
        return list(words)
    known = (await session.execute(_NEAR, {"spellings": sorted(asked)})).scalars().all()
    return [
        replace(word, near=_near(word, forms[word.text], known)) if word.text in forms else word
        for word in words
    ]


def _near(word: Word, forms: Iterable[str], known: Iterable[str]) -> list[str]:
    others = (one for one in known if not one.startswith(word.text))
    near = (one for one in others if any(is_one_typo_from(form, one) for form in forms))
    return sorted(near)[:NEAR_WORDS]


def spellings(word: str) -> set[str]:
    """As ``event_spellings()`` of the database."""
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


def is_one_typo_from(word: str, other: str) -> bool:
    """Whether one letter is wrong, missing or too many, or two neighbours are exchanged."""
    if len(word) > len(other):
        word, other = other, word
    at = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))
    if len(word) < len(other):
        return word[at:] == other[at + 1 :]
    exchanged = other[at + 1 : at + 2] + other[at : at + 1] + other[at + 2 :]
    return word != other and (word[at + 1 :] == other[at + 1 :] or word[at:] == exchanged)

"""The checks of a query before any of its fields is resolved."""

from collections import Counter
from collections.abc import Iterator

from graphql import (
    DocumentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    TokenKind,
    get_operation_ast,
    parse,
)
from strawberry.extensions import SchemaExtension

from event_service.graphql.context import Context
from event_service.graphql.problems import QueryTooLarge
from event_service.graphql.query_size import check_size, types_of
from event_service.graphql.selections import Selections
from event_service.settings import Settings
from service_kit.problems import InvalidRequest
from service_kit.text import TOO_MANY_COMBINING, has_long_combining_run

TEXTS = frozenset({TokenKind.STRING, TokenKind.BLOCK_STRING})
NUMBERS = frozenset({TokenKind.INT, TokenKind.FLOAT})
MAX_DIGITS = 100
# Validation compares all fields of one name with each other: 490 take fifteen times as long as 60. Of 15
# aliases each may have a name as an argument and as a field, and more of it below.
MAX_TIMES_A_NAME = 60


class QueryLimits(SchemaExtension):
    """Cheap checks come first: length, tokens, size, and then validation, whose effort grows faster than
    the query."""

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        context: Context = execution.context
        document = read_document(execution.query or "", context.settings)
        operation = read_operation(document, execution.operation_name)
        selections = Selections(document, operation, execution.variables or {})
        check_size(selections, types=types_of(execution.schema), settings=context.settings)
        context.selections = selections
        execution.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        execution = self.execution_context
        if not execution.context.settings.allows_introspection:
            execution.validation_rules += (NoSchemaIntrospectionCustomRule,)
        yield


def read_document(query: str, settings: Settings) -> DocumentNode:
    """Raises QueryTooLarge, InvalidRequest, and GraphQLError for a syntax error or too many tokens."""
    if len(query) > settings.graphql_max_characters:
        raise QueryTooLarge(f"It is longer than {settings.graphql_max_characters} characters.")
    document = parse(query, max_lexical_tokens=settings.graphql_max_tokens)
    names: Counter[str] = Counter()
    token = document.loc.start_token if document.loc else None
    while token:
        if token.kind is TokenKind.NAME:
            names[token.value or ""] += 1
        # Python does not parse very long numbers, and validation would report that as an error of ours.
        if token.kind in NUMBERS and len(token.value or "") > MAX_DIGITS:
            raise InvalidRequest.field("query", "A number is too long.")
        # Escapes are decoded only here.
        if token.kind in TEXTS and has_long_combining_run(token.value or ""):
            raise InvalidRequest.field("query", f"A text {TOO_MANY_COMBINING}.")
        token = token.next
    if any(times > MAX_TIMES_A_NAME for times in names.values()):
        raise QueryTooLarge(f"It has a name more than {MAX_TIMES_A_NAME} times.")
    return document


def read_operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is None:
        raise InvalidRequest.field("operationName", "Name the operation to run.")
    if operation.operation is not OperationType.QUERY:
        raise InvalidRequest.field("query", "Only queries are supported; use REST for changes.")
    return operation

"""Documents that were seen before: parsed, counted, validated and priced once."""

from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.graphql import OperationType

from domain.kept import Kept
from graph.limits.pricing import Price, priced
from graph.limits.rules import LimitCode, Limits, exceeded, refusal
from graph.limits.structure import Structure, measured

ROOM = 32 << 20
"""About how many bytes are kept: hundreds of documents of a real client, or a few that are made to be large."""

KEPT_CHARS = 16_384
"""The longest document that is kept."""

TOKEN, FIELD = 400, 1_000
"""About how many bytes a token takes once it is parsed, and a field of the expanded selection once it has a price."""

ERRORS_MAX = 10
"""How many mistakes of one document are told; to find a hundred takes longer than to parse it."""

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(slots=True)
class Known:
    """What is known of a document; the verdict and a price once somebody has asked."""

    document: DocumentNode
    structure: Structure
    operations: tuple[tuple[str | None, OperationType], ...] = field(init=False)
    """The names and kinds of its operations, in their order."""
    within: Limits | None = None
    """The limits that it was found to keep."""
    mistakes: list[GraphQLError] | None = None
    priced: tuple[str | None, Price] | None = None
    """The operation that was asked for last, and its price; a document may have a hundred of them."""

    def __post_init__(self) -> None:
        self.operations = tuple(
            (each.name.value if each.name else None, OperationType(each.operation.value))
            for each in self.document.definitions
            if isinstance(each, OperationDefinitionNode)
        )

    @property
    def is_watched(self) -> bool:
        """Whether one of its operations is a subscription, whose document is read again whenever it is executed."""
        return any(kind is OperationType.SUBSCRIPTION for _, kind in self.operations)

    @property
    def is_validated(self) -> bool:
        return self.mistakes is not None

    def validate(self, schema: GraphQLSchema) -> list[GraphQLError]:
        """What is wrong with the document."""
        if self.mistakes is None:
            self.mistakes = validate(schema, self.document, RULES, max_errors=ERRORS_MAX)
        return self.mistakes

    def price(self, schema: GraphQLSchema, name: str | None) -> Price:
        """The price of one of its operations, which must be valid."""
        if self.priced is not None and self.priced[0] == name:
            return self.priced[1]
        definitions = self.document.definitions
        fragments = {each.name.value: each for each in definitions if isinstance(each, FragmentDefinitionNode)}
        operation = next(
            each
            for each in definitions
            if isinstance(each, OperationDefinitionNode) and (each.name.value if each.name else None) == name
        )
        price = priced(schema, operation, fragments)
        self.priced = name, price
        return price


class Documents:
    """The documents that were used last."""

    def __init__(self, room: int = ROOM) -> None:
        """`room` is how many bytes are kept, about."""
        self._known = Kept[str, Known](room)

    def __len__(self) -> int:
        return len(self._known)

    def is_new(self, text: str, limits: Limits) -> bool:
        """Whether a document is to be read, which takes time; one that is too long is refused without."""
        return text not in self._known and len(text) <= limits.document_chars

    def get(self, text: str, limits: Limits) -> Known:
        """What is known of a document, which has not been validated yet where it is new.

        Raises:
            GraphQLError: it goes beyond a limit, or is not GraphQL.
        """
        known = self._known.get(text)
        if known is not None:
            if known.within is not limits:
                known.structure.check(limits)
                known.within = limits
            return known
        known = self._read(text, limits)
        structure = known.structure
        structure.check(limits)
        if len(text) <= KEPT_CHARS:
            size = len(text) + TOKEN * structure.tokens + FIELD * structure.fields
            self._known.put(text, known, size, at_once=known.is_watched)
        return known

    def _read(self, text: str, limits: Limits) -> Known:
        if len(text) > limits.document_chars:
            raise exceeded(LimitCode.DOCUMENT_TOO_LONG, limits.document_chars, len(text), "Characters of the document")
        try:
            # Comments count as tokens: they cost as much to read.
            document = parse(text, max_tokens=limits.tokens)
        except GraphQLError as error:
            if "tokens. Parsing aborted" in error.message:
                message = f"The document has more than {limits.tokens} tokens."
                raise refusal(LimitCode.TOO_MANY_TOKENS, message, limit=limits.tokens) from None
            raise
        return Known(document, measured(document))

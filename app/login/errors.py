"""Why a sign-in with a provider comes to nothing."""


class ProviderError(Exception):
    """The provider does not answer, or answers what cannot be believed; the text is for the log."""


class CodeError(Exception):
    """The provider does not know the code, or no longer."""

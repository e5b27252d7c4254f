"""Compiled execution: each operation is compiled once, and resolves each field for all objects of a level at once.

What a selection makes of its objects stands in `plan`, `rows`, `values` and `complete`; what becomes of errors, in
`errors`. `compile` makes plans of operations, `operations` keeps them, `run` is one execution, and `executor` puts all of
it in the place of graphql-core's execution, which still runs what is refused (`fallback`).
"""

"""Compiled execution: each operation is compiled once, and resolves each field for all objects of a level at once.

`plan` says what a compiled operation is, `values` where the values of a field come from, `arguments` what it is given,
`permissions` what is asked before that. What becomes of values stands in `rows`, `leaves`, `complete`, `kinds` and
`written`, what becomes of errors in `errors`. `compile` makes plans of operations, `operations` keeps them, `run` is
one execution. `executor` puts all of it where graphql-core would execute, which still runs what is refused
(`fallback`).
"""

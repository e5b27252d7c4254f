"""Sign-in with providers of OpenID Connect, by their pages: what is HTTP about it."""

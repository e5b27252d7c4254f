"""Who a user is elsewhere: sign-in with the providers of OpenID Connect."""

// Requests of URLSession through a policy per authority.

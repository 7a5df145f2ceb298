// Limits, shedding and deadlines for servers of Hummingbird.

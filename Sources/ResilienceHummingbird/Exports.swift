#if Hummingbird
    // The fields of deadlines and priorities, and the failures of responses, are part of what users write.
    @_exported public import HTTPSemantics
#endif

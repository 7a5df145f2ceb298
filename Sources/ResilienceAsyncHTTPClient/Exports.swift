#if AsyncHTTPClient
    @_exported public import HTTPSemantics
#endif

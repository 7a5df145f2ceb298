#if Redis
    import ResilienceRedis
#endif

#if AsyncHTTPClient
    import AsyncHTTPClient
    import HTTPSemantics
    import NIOCore
    import NIOHTTP1
    import NIOHTTP2
    import NIOPosix
    import ResilienceAsyncHTTPClient
    import Testing

    #if canImport(Glibc)
        import Glibc
    #else
        import Darwin
    #endif

    @Suite("How far a request came, by its error")
    struct OutcomeTests {
        @Test(
            "no byte was sent",
            arguments: [
                HTTPClientError.connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout,
                .socksHandshakeTimeout, .httpProxyHandshakeTimeout,
            ])
        func neverSent(error: HTTPClientError) {
            #expect(HTTPSendOutcome.asyncHTTPClient(error) == .neverSent)
        }

        @Test("no connection came about", arguments: [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH])
        func unconnected(number: CInt) {
            #expect(HTTPSendOutcome.asyncHTTPClient(IOError(errnoCode: number, reason: "connect")) == .neverSent)
        }

        @Test(
            "the service may have run it",
            arguments: [
                HTTPClientError.remoteConnectionClosed, .readTimeout, .writeTimeout, .deadlineExceeded,
                .requestStreamCancelled, .internalStateFailure(),
            ])
        func perhapsRan(error: HTTPClientError) {
            #expect(HTTPSendOutcome.asyncHTTPClient(error) == .perhapsRan)
        }

        @Test("a connection that broke may have been used", arguments: [ECONNRESET, EPIPE, ETIMEDOUT])
        func broken(number: CInt) {
            #expect(HTTPSendOutcome.asyncHTTPClient(IOError(errnoCode: number, reason: "read")) == .perhapsRan)
        }

        @Test("a server of HTTP/2 that refuses a stream, or goes away before it, has not looked at the request")
        func refusedStream() {
            for code in [HTTP2ErrorCode.refusedStream, .cancel, .internalError, .noError, .enhanceYourCalm] {
                let error = NIOHTTP2Errors.streamClosed(streamID: 1, errorCode: code)
                #expect(
                    HTTPSendOutcome.asyncHTTPClient(error) == (code == .refusedStream ? .neverSent : .perhapsRan),
                    "\(code)")
            }
        }

        @Test("so does a closed channel, what breaks the protocol, and what is not known")
        func others() {
            struct Unknown: Error {}
            #expect(HTTPSendOutcome.asyncHTTPClient(ChannelError.ioOnClosedChannel) == .perhapsRan)
            #expect(HTTPSendOutcome.asyncHTTPClient(HTTPParserError.invalidEOFState) == .perhapsRan)
            #expect(HTTPSendOutcome.asyncHTTPClient(Unknown()) == .perhapsRan)
        }

        @Test(
            "it can never succeed",
            arguments: [
                HTTPClientError.invalidURL, .emptyHost, .emptyScheme, .unsupportedScheme("gopher"), .missingSocketPath,
                .invalidHeaderFieldNames(["a b"]), .invalidHeaderFieldValues(["a\n"]), .bodyLengthMismatch,
                .contentLengthMissing, .traceRequestWithBody, .redirectLimitReached, .redirectCycleDetected,
                .proxyAuthenticationRequired, .alreadyShutdown, .cancelled, .uncleanShutdown,
            ])
        func permanent(error: HTTPClientError) {
            #expect(HTTPSendOutcome.asyncHTTPClient(error) == .permanent)
        }

        @Test("what the client was doing was cancelled, which does not say what cancelled it")
        func cancelled() {
            #expect(HTTPSendOutcome.asyncHTTPClient(CancellationError()) == .perhapsRan)
        }
    }
#endif

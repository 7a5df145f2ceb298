#if AsyncHTTPClient
    internal import AsyncHTTPClient
    public import HTTPSemantics
    internal import NIOCore
    internal import NIOHTTP1
    internal import NIOHTTP2
    internal import NIOPosix

    extension HTTPSendOutcome {
        /// How far a request of AsyncHTTPClient came that ended with an error.
        ///
        /// Only what proves that the service has not begun is `neverSent`: no byte was sent, or it says so itself.
        /// An error that is not known here is `perhapsRan`.
        public static func asyncHTTPClient(_ error: any Error) -> HTTPSendOutcome {
            switch error {
            case let error as HTTPClientError: outcomes[error.shortDescription] ?? .perhapsRan
            case is NIOConnectionError: .neverSent
            case is NIOHTTP2Errors.CreatedStreamAfterGoaway, is NIOHTTP2Errors.NoStreamIDAvailable: .neverSent
            case is NIOHTTP2Errors.StreamClosed: isRefusedStream(error) ? .neverSent : .perhapsRan
            case let error as IOError: error.isOfConnecting ? .neverSent : .perhapsRan
            default: .perhapsRan
            }
        }

        /// How far a request of the present call came, of which more is known than its error says.
        static func ofCall(_ error: any Error) -> HTTPSendOutcome {
            isOfClosingConnection(error) ? .neverSent : asyncHTTPClient(error)
        }

        /// By the words of an error, which do not say with which values it came.
        private static let outcomes: [String: HTTPSendOutcome] = {
            var outcomes: [String: HTTPSendOutcome] = [:]
            for error in neverSent { outcomes[error.shortDescription] = .neverSent }
            for error in permanent { outcomes[error.shortDescription] = .permanent }
            return outcomes
        }()

        private static let neverSent: [HTTPClientError] = [
            .connectTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout, .socksHandshakeTimeout,
            .httpProxyHandshakeTimeout,
        ]

        private static let permanent: [HTTPClientError] = [
            .invalidURL, .emptyHost, .emptyScheme, .unsupportedScheme(""), .missingSocketPath,
            .invalidHeaderFieldNames([]), .invalidHeaderFieldValues([]), .identityCodingIncorrectlyPresent,
            .bodyLengthMismatch, .contentLengthMissing, .traceRequestWithBody, .writeAfterRequestSent,
            .redirectLimitReached, .redirectCycleDetected, .proxyAuthenticationRequired, .invalidProxyResponse,
            .serverOfferedUnsupportedApplicationProtocol(""), .alreadyShutdown, .cancelled, .uncleanShutdown,
            .shutdownUnsupported, .invalidRedirectConfiguration, .invalidHTTPVersionConfiguration,
            .invalidDNSOverridesConfiguration, .invalidLocalAddress, .invalidProxyConfiguration,
        ]
    }

    extension IOError {
        /// Of the errors of a connection, those by which it did not come about.
        fileprivate var isOfConnecting: Bool { Self.connecting.contains(errnoCode) }

        /// Refused, host or network unreachable or down, no address left; by number, as the C library is not imported.
        private static var connecting: [CInt] {
            #if canImport(Darwin)
                [61, 65, 51, 64, 50, 49]
            #else
                [111, 113, 101, 112, 100, 99]
            #endif
        }
    }

    /// Whether a server of HTTP/2 says that it has not looked at the request: it reset the stream with
    /// `REFUSED_STREAM`, or went away with a `GOAWAY` whose last stream came before it, which the client's library
    /// reports as the same. Unlike with a connection that did not come about, the client may have read from the body.
    func isRefusedStream(_ error: any Error) -> Bool {
        (error as? NIOHTTP2Errors.StreamClosed)?.errorCode == .refusedStream
    }

    /// Whether a request came to a connection of HTTP/2 just as that was closing, which opens no stream for it: the
    /// client says then that it was cancelled, though it was not. It says the same of what runs while it is shut down,
    /// and makes none of these again.
    func isOfClosingConnection(_ error: any Error) -> Bool {
        (error as? HTTPClientError) == .cancelled && !Task.isCancelled
    }

    /// Whether an error is of the client or of its connection, and not of the code that reads the response.
    func isOfTransport(_ error: any Error) -> Bool {
        switch error {
        case is HTTPClientError, is NIOConnectionError, is IOError, is ChannelError, is HTTPParserError: return true
        case is NIOTooManyBytesError: return false
        default:
            // Errors of libraries that are used only through the client.
            let type = String(reflecting: type(of: error))
            return ["NIOSSL.", "NIOHTTP2.", "NIOHTTPCompression.", "NIOSOCKS.", "Network."].contains(
                where: type.hasPrefix)
        }
    }
#endif

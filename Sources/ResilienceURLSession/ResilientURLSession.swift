public import Foundation
public import HTTPSemantics
public import Resilience
public import ResilienceCore

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

/// A `URLSession` whose requests go through the standard pipeline: a policy for each authority, with limits, retries, a
/// breaker and a bulkhead.
///
/// ```swift
/// let api = try ResilientURLSession(name: "api")
/// let (body, response) = try await api.data(from: url)
/// ```
///
/// A value that is cheap to copy; copies share all state. The limits are this package's: those of the session are idle
/// times, and on Linux whole seconds.
public struct ResilientURLSession: Sendable {
    /// The session that makes the requests.
    public let session: URLSession

    /// What protects them.
    public let pipeline: HTTPPipeline

    /// Protects a session.
    ///
    /// - Parameters:
    ///   - session: What makes the requests. Default: the shared session.
    ///   - name: The name in errors, events, metrics and documents. Default: `http`.
    ///   - pipeline: The layers. What it says of `sendOutcome` is replaced by the classes of `URLError`
    ///     (``HTTPSemantics/HTTPSendOutcome/urlSession(_:unknownMayHaveRun:)``), and the time of day by the system's if
    ///     it names none.
    ///   - clock: The time of the policies. Default: the continuous clock.
    ///   - random: Their randomness. Default: the system's.
    ///   - observers: The observers to notify of their events.
    /// - Throws: All faults of the configuration.
    public init(
        _ session: URLSession = .shared, name: String = "http",
        pipeline: HTTPPipeline.Configuration = .init(), clock: some Clock<Duration> = ContinuousClock(),
        random: RandomSource = .system, observers: [any PolicyObserver] = []
    ) throws(ConfigurationError) {
        var layers = pipeline
        layers.sendOutcome = { HTTPSendOutcome.urlSession($0) }
        if layers.secondsSince1970 == nil {
            layers.secondsSince1970 = { Date().timeIntervalSince1970 }
        }
        self.session = session
        self.pipeline = try HTTPPipeline(name, layers, clock: clock, random: random, observers: observers)
    }

    /// Gets what is at a URL.
    ///
    /// - Throws: As ``data(for:idempotent:priority:)``.
    public nonisolated(nonsending) func data(from url: URL) async throws -> (Data, HTTPURLResponse) {
        try await data(for: URLRequest(url: url))
    }

    /// Makes a request, and reads the whole response within the limit of the attempt.
    ///
    /// A request with a body that is a stream is made once: the stream would be used up.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - isIdempotent: Whether it may be made again after the server may have run it. Default: `nil`, the method and
    ///     an `Idempotency-Key` decide.
    ///   - priority: How important the call is to the bulkhead. Default: `nil`, as everything that does not say.
    /// - Returns: The body and the response, also of a status that counts as a failure, unless the configuration asks
    ///   to throw it.
    /// - Throws: `URLError`, unchanged, and at once for a URL that is none of HTTP; `CancellationError`; a
    ///   `PolicyRejection`; `Timeout.ExceededError`.
    public nonisolated(nonsending) func data(
        for request: URLRequest, idempotent isIdempotent: Bool? = nil, priority: Bulkhead.Priority? = nil
    ) async throws -> (Data, HTTPURLResponse) {
        guard let authority = Self.authority(of: request.url) else { throw URLError(.unsupportedURL) }
        let replay = Self.replay(of: request, isIdempotent)
        let request = patient(request)
        let answer = try await pipeline.execute(to: authority, replay, priority: priority, reading: \.head) { context in
            var request = request
            for field in pipeline.fields(in: context) {
                request.setValue(field.value, forHTTPHeaderField: field.name)
            }
            let (body, response) = try await session.cancellableData(for: request)
            guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
            return Answer(body: body, response: response)
        }
        return (answer.body, answer.response)
    }

    /// Sends a body.
    ///
    /// - Parameters:
    ///   - request: The request, whose own body is not looked at.
    ///   - body: What is sent, again with each attempt.
    ///   - isIdempotent: As for ``data(for:idempotent:priority:)``.
    ///   - priority: How important the call is to the bulkhead.
    /// - Throws: As ``data(for:idempotent:priority:)``.
    public nonisolated(nonsending) func upload(
        for request: URLRequest, from body: Data, idempotent isIdempotent: Bool? = nil,
        priority: Bulkhead.Priority? = nil
    ) async throws -> (Data, HTTPURLResponse) {
        var request = request
        request.httpBody = body
        return try await data(for: request, idempotent: isIdempotent, priority: priority)
    }

    private struct Answer: Sendable {
        let body: Data
        let response: HTTPURLResponse

        var head: HTTPPipeline.Head {
            HTTPPipeline.Head(status: response.statusCode) { [response] name in
                response.value(forHTTPHeaderField: name).map { [$0] } ?? []
            }
        }
    }

    /// The session's own idle limit is not to end what the pipeline allows.
    private func patient(_ request: URLRequest) -> URLRequest {
        let limit = pipeline.configuration.attemptLimit ?? pipeline.configuration.totalLimit ?? .seconds(86_400)
        var request = request
        let seconds = limit.inSeconds.rounded(.up) + 1
        if request.timeoutInterval < seconds { request.timeoutInterval = min(seconds, 86_400) }
        return request
    }

    /// The host in lower case, with its port if it is not the scheme's; `nil` if the URL is none of HTTP.
    static func authority(of url: URL?) -> String? {
        guard let url, let host = url.host, !host.isEmpty, let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https"
        else { return nil }
        // An address of IPv6 comes without its brackets.
        let name = host.contains(":") && host.first != "[" ? "[\(host)]" : host
        return HTTPAuthority.name(url.port.map { "\(name):\($0)" } ?? name, scheme: scheme)
    }

    static func replay(of request: URLRequest, _ isIdempotent: Bool?) -> HTTPReplay {
        let body: HTTPBodyReplay =
            request.httpBodyStream != nil ? .oneShot : request.httpBody?.isEmpty ?? true ? .none : .bytes
        return HTTPReplay(method: request.httpMethod ?? "GET", body: body, idempotent: isIdempotent) { name in
            request.value(forHTTPHeaderField: name).map { [$0] } ?? []
        }
    }
}

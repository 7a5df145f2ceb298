#if AsyncHTTPClient
    internal import AsyncHTTPClient
    internal import HTTPSemantics
    internal import NIOCore
    internal import NIOHTTP1
    internal import Resilience
    internal import ResilienceCore

    /// One call: what its attempts have in common.
    final class RequestCall: Sendable {
        private let client: HTTPClient
        private let request: HTTPClientRequest
        private let body: HTTPRequestBody?
        private let replay: HTTPReplay
        private let options: ResilientHTTPClient.Options

        private struct State {
            /// The last response that was a failure.
            var response: HTTPClientResponse?
            /// Why there must be no further attempt.
            var end: (any Error)?
        }

        private let state = Lock(State())

        init(
            _ client: HTTPClient, _ request: HTTPClientRequest, _ body: HTTPRequestBody?, _ isIdempotent: Bool?,
            _ options: ResilientHTTPClient.Options
        ) {
            self.client = client
            self.request = request
            self.body = body ?? request.body.map { .unknown($0) }
            self.options = options
            replay = HTTPReplay(
                method: request.method.rawValue, body: self.body?.replay ?? .none, idempotent: isIdempotent
            ) { request.headers[$0] }
        }

        /// Whether it does no harm to send the request again after it may have run.
        var mayRunTwice: Bool { replay.isIdempotent && replay.body != .oneShot }

        var response: HTTPClientResponse? { state.withLock { $0.response } }

        /// Makes the request once.
        ///
        /// - Returns: A response that is an answer, its body unread.
        /// - Throws: `HTTPFailure` for one by which the service failed; the client's error.
        nonisolated(nonsending) func attempt(_ context: Context) async throws -> HTTPClientResponse {
            // A layer that does not listen to what it was told does no harm.
            if let end = state.withLock({ $0.end }) { throw end }
            var request = request
            request.body = body?.make()
            options.addFields(to: &request, context)
            let response: HTTPClientResponse
            do {
                response = try await client.execute(request, deadline: Self.deadline(context))
            } catch {
                throw failed(with: error, isAnswered: false)
            }
            guard
                var failure = options.rule.failure(
                    status: Int(response.status.code), secondsSince1970: options.secondsSince1970?(),
                    headers: { response.headers[$0] })
            else { return response }
            failure.isRepeatable = replay.mayRepeat(after: .perhapsRan, isBodyUsed: body?.isUsed() ?? false)
            let kept = await response.drained(upTo: options.drainLimit)
            state.withLock { state in
                state.response = kept
                if !failure.isRepeatable { state.end = failure }
            }
            throw failure
        }

        /// What layers are to see of a client's error.
        ///
        /// - Parameter isAnswered: Whether there was a response, so that the service has run.
        func failed(with error: any Error, isAnswered: Bool) -> any Error {
            var outcome = HTTPSendOutcome.ofCall(error)
            if isAnswered, outcome == .neverSent { outcome = .perhapsRan }
            switch CallEnd(error) {
            // The end of this attempt whatever the request is.
            case .cancelled, .expired: return error
            case .failed, .rejected: break
            }
            switch outcome {
            case .permanent: return ended(by: RefusedByClient(error: error))
            case .neverSent, .perhapsRan:
                let mayBeUsed = outcome == .perhapsRan || isRefusedStream(error) || isOfClosingConnection(error)
                let isBodyUsed = mayBeUsed && (body?.isUsed() ?? false)
                guard replay.mayRepeat(after: outcome, isBodyUsed: isBodyUsed) else {
                    return ended(by: HTTPUnrepeatableError(error))
                }
                return error
            }
        }

        private func ended(by error: any Error) -> any Error {
            state.withLock { $0.end = error }
            return error
        }

        /// What the caller is to see of an error that comes out of the policy.
        func original(of error: any Error) -> any Error {
            switch error {
            case let error as RefusedByClient: error.error
            case let error as HTTPUnrepeatableError: error.wrappedError
            default: error
            }
        }

        /// Later than the call's: what limits the call cancels it, and must come before the client's own error.
        static func deadline(_ context: Context) -> NIODeadline {
            guard let remaining = context.remaining else { return .distantFuture }
            let (sum, overflows) = NIODeadline.now().uptimeNanoseconds.addingReportingOverflow(
                UInt64(max(0, remaining.saturatedNanoseconds)))
            let (later, isTooLate) = sum.addingReportingOverflow(1_000_000_000)
            guard !overflows, !isTooLate, later < UInt64(Int64.max) else { return .distantFuture }
            return .uptimeNanoseconds(later)
        }
    }

    extension ResilientHTTPClient.Options {
        /// Adds what tells the server how long the caller waits, and how important the call is.
        func addFields(to request: inout HTTPClientRequest, _ context: Context) {
            if let field = deadlineField, let remaining = context.remaining {
                request.headers.replaceOrAdd(name: field.name.name, value: field.text(for: remaining))
            }
            if let field = priorityField, let priority = context[Bulkhead.Priority.self] {
                request.headers.replaceOrAdd(name: field.name.name, value: field.text(for: priority))
            }
        }
    }

    /// A request that cannot succeed at any service: it is no call of the service's, as if a layer had refused it.
    struct RefusedByClient: PolicyRejection {
        let error: any Error

        var policyName: String { "http client" }
        var reason: String { "the request cannot be made" }
        var retryAfter: Duration? { nil }
        var description: String { "\(reason): \(error)" }
    }
#endif

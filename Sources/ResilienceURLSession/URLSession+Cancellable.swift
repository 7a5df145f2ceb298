internal import Dispatch
public import Foundation
internal import ResilienceCore

#if canImport(FoundationNetworking)
    public import FoundationNetworking
#endif

extension URLSession {
    /// Makes a request that is cancelled with the task that makes it.
    ///
    /// `data(for:)` does that too, but on Linux it can come to a standstill: its cancellation handler, which runs under
    /// a lock of the task, waits for the session's queue, on which the answer that comes at that moment waits for that
    /// lock (swift-corelibs-foundation #5412, mended in Swift 6.4). Here the handler waits for nothing.
    ///
    /// - Throws: `CancellationError` if the task is cancelled; otherwise the session's `URLError`.
    public func cancellableData(for request: URLRequest) async throws -> (Data, URLResponse) {
        do {
            return try await CancellableRequest().run(request, in: self)
        } catch let error as URLError where error.code == .cancelled && Task.isCancelled {
            throw CancellationError()
        }
    }
}

/// A request that is cancelled with the task that makes it.
private final class CancellableRequest: Sendable {
    private struct State {
        var task: URLSessionDataTask?
        var isCancelled = false
    }

    private let state = Lock(State())

    /// Makes the request; once only.
    func run(_ request: URLRequest, in session: URLSession) async throws -> (Data, URLResponse) {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                start(
                    session.dataTask(with: request) { data, response, error in
                        if let data, let response, error == nil {
                            continuation.resume(returning: (data, response))
                        } else {
                            continuation.resume(throwing: error ?? URLError(.badServerResponse))
                        }
                    })
            }
        } onCancel: {
            cancel()
        }
    }

    private func start(_ task: URLSessionDataTask) {
        let isCancelled = state.withLock { state in
            state.task = task
            return state.isCancelled
        }
        task.resume()
        if isCancelled { task.cancel() }
    }

    private func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        if let task { DispatchQueue.global().async { task.cancel() } }
    }
}

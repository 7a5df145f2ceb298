import Dispatch
import Foundation
import Resilience

/// Turns the first Ctrl-C, or SIGTERM, into the cancellation of a task; the second one ends the process as usual.
final class Interruption: Sendable {
    private let received = Lock<Int32?>(nil)

    /// The signal that came, if one did.
    var signal: Int32? { received.withLock { $0 } }

    /// Runs a task that a signal cancels.
    func guarding<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { try await body() }
        let sources = [SIGINT, SIGTERM].map { number in
            ignore(number)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in
                received.withLock { $0 = $0 ?? number }
                restore(number)
                task.cancel()
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await task.value
    }
}

private func ignore(_ number: Int32) {
    signal(number, SIG_IGN)
}

private func restore(_ number: Int32) {
    signal(number, SIG_DFL)
}

import ResilienceCore

/// What happened, in order.
final class Log: Sendable {
    private let state = Lock<[String]>([])

    func write(_ line: String) { state.withLock { $0.append(line) } }

    var lines: [String] { state.withLock { $0 } }
}

import ResilienceCore

/// What happened, in order: lines, and values as they are, whose text is made only where two logs differ. Most of the
/// time of a script would go into making it.
final class Log: Sendable {
    private let state = Lock<[AnyHashable]>([])

    func write(_ entry: some Hashable & Sendable) { state.withLock { $0.append(AnyHashable(entry)) } }

    var entries: [AnyHashable] { state.withLock { $0 } }
}

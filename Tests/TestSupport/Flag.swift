import ResilienceCore

/// A value that one task sets and others see.
package final class Flag<Value: Sendable>: Sendable {
    private let storage = Lock<Value?>(nil)

    package init() {}

    /// The value, or `nil` before it is set.
    package var value: Value? { storage.withLock { $0 } }
    package var isSet: Bool { storage.withLock { $0 != nil } }
    package func set(_ value: Value) { storage.withLock { $0 = value } }
}

extension Flag<Void> {
    package func set() { set(()) }
}

/// A value that was not accepted, on its way through the layers inside of a failure. All copies of the failure share
/// it.
///
/// `Sendable` although the value need not be: only the call that has returned the value takes or releases it, and it is
/// handed to others as a type that is.
@usableFromInline
class HeldValue: @unchecked Sendable {
    private let content: Lock<Content>

    // Never in two tasks at once: as said above.
    private struct Content: @unchecked Sendable { var value: Any? }

    @usableFromInline
    init(_ value: Any) {
        content = Lock(Content(value: value))
    }

    @usableFromInline var erased: Any? { content.withLock { $0 }.value }

    @usableFromInline
    func take() -> Any? {
        content.withLock { content in
            defer { content.value = nil }
            return content
        }.value
    }

    @usableFromInline
    nonisolated(nonsending) func release() async { _ = take() }
}

/// One for whose value there is something to do when no caller takes it.
@usableFromInline
final class ReleasableValue<Value>: HeldValue, @unchecked Sendable {
    private let action: nonisolated(nonsending) (Value) async -> Void

    @usableFromInline
    init(_ value: Value, _ action: nonisolated(nonsending) @escaping (Value) async -> Void) {
        self.action = action
        super.init(value)
    }

    @usableFromInline
    override nonisolated(nonsending) func release() async {
        if let value = take() as? Value { await action(value) }
    }
}

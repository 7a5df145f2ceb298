public import ResilienceCore
internal import Synchronization

/// The synchronous way through a breaker: in while it lets calls through, out with the result.
extension CircuitBreaker {
    /// The gate that a call came through, and when.
    private struct Entry: BitwiseCopyable {
        let word: UInt64
        let start: Int64

        static let size = 16

        var admission: Admission {
            Admission(gate: CircuitBreakerGate(word: word), start: TimeSource.Instant(nanoseconds: start))
        }
    }

    /// What the passage keeps, in bytes.
    @_documentation(visibility: internal)
    @inlinable public var _size: Int { 16 }

    /// Lets a call in, as far as that can be decided at once.
    @_documentation(visibility: internal)
    public func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        let gate = currentGate
        guard gate.letsThroughUnmarked else {
            if !gate.letsThrough { refusal = refusalAtOnce(gate) }
            return 0
        }
        passage.store(Entry(word: gate.word, start: gate.needsTime ? time.now.nanoseconds : 0), at: offset)
        return 1
    }

    /// Counts a success.
    @_documentation(visibility: internal)
    public func _leave(_ passage: inout Passage, at offset: Int) {
        succeeded(passage.load(Entry.self, at: offset).admission)
    }

    /// Counts a failure, or goes on.
    @_documentation(visibility: internal)
    public func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        if entered == 1 { failed(passage.load(Entry.self, at: offset).admission, error, context) }
        return .left
    }

    /// What there is to tell of the call.
    @_documentation(visibility: internal)
    public func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        if entered == 1 {
            reports.add(StateAtAdmission.self, (name, passage.load(Entry.self, at: offset).admission.gate.state))
        } else if isRefused {
            reports.add(StateAtAdmission.self, (name, .open))
        }
    }
}

internal import ResilienceCore

/// The synchronous way of a call that the gate has let in: that through the layers in force when it began.
extension ManagedPolicy {
    /// What a managed policy remembers of a call.
    private struct Entry: BitwiseCopyable {
        /// The layers the call began with, held until it ends; `nil` if it did not enter this way.
        var pipeline: Unmanaged<Pipeline>?
        /// The layers that were entered, or the one that goes on.
        var position: Int64

        static let size = 16
    }

    /// All there is behind the policy around this one: the layers change, and with them what they need.
    var _size: Int { Entry.size }

    var _isTransparent: Bool { false }

    func _enter(_ passage: inout Passage, at offset: Int, _ refusal: inout (any Error)?) -> Int {
        guard passage.isAdmitted else { return 0 }
        passage.isAdmitted = false
        let pipeline = pipeline
        let policy = pipeline.policy
        guard offset &+ Entry.size &+ policy.layersSize <= Passage.capacity else { return 0 }
        let position = policy.enterLayers(&passage, at: offset &+ Entry.size, &refusal)
        passage.store(
            Entry(pipeline: Unmanaged.passRetained(pipeline), position: Int64(position)), at: offset)
        return position == policy.layersDepth ? 1 : 0
    }

    func _leave(_ passage: inout Passage, at offset: Int) {
        guard let held = passage.load(Entry.self, at: offset).pipeline else { return }
        let pipeline = held.takeRetainedValue()
        pipeline.policy.leaveLayers(&passage, at: offset &+ Entry.size)
    }

    func _fail(
        _ passage: inout Passage, at offset: Int, entered: Int, _ error: inout any Error, _ context: Context
    ) -> Int {
        var entry = passage.load(Entry.self, at: offset)
        guard let held = entry.pipeline else { return .left }
        let position = held.takeUnretainedValue().policy.failLayers(
            &passage, at: offset &+ Entry.size, entered: Int(entry.position), &error, context)
        guard position == .left else {
            entry.position = Int64(position)
            passage.store(entry, at: offset)
            return 0
        }
        held.release()
        return .left
    }

    nonisolated(nonsending) func _resume(
        _ passage: inout Passage, at offset: Int, _ position: Int, _ error: (any Error)?, _ context: Context,
        _ next: nonisolated(nonsending) (Context) async throws -> Void
    ) async throws {
        let entry = passage.load(Entry.self, at: offset)
        guard let held = entry.pipeline else { return try await execute(context, next) }
        let pipeline = held.takeRetainedValue()
        defer { withExtendedLifetime(pipeline) {} }
        try await pipeline.policy.resumeLayers(
            &passage, at: offset &+ Entry.size, Int(entry.position), error, context, next)
    }

    func _inside(_ passage: inout Passage, at offset: Int, _ context: Context) -> Context {
        guard let held = passage.load(Entry.self, at: offset).pipeline else { return context }
        return held.takeUnretainedValue().policy.insideLayers(&passage, at: offset &+ Entry.size, context)
    }

    func _describe(
        _ passage: inout Passage, at offset: Int, entered: Int, isRefused: Bool, _ reports: inout CallReports
    ) {
        let entry = passage.load(Entry.self, at: offset)
        guard let held = entry.pipeline else { return }
        held.takeUnretainedValue().policy.describeLayers(
            &passage, at: offset &+ Entry.size, entered: Int(entry.position), isRefused: isRefused, &reports)
    }
}

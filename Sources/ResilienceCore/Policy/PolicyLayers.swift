/// The layers of a policy, behind closures that were formed where their types were known.
@usableFromInline
struct PolicyLayers: Sendable {
    @usableFromInline
    typealias Body =
        @Sendable (Context, nonisolated(nonsending) (Context) async throws -> Void) async throws -> Void
    @usableFromInline
    typealias Resume =
        @Sendable (
            inout Passage, Int, Int, (any Error)?, Context, nonisolated(nonsending) (Context) async throws -> Void
        ) async throws -> Void

    @usableFromInline let depth: Int
    @usableFromInline let size: Int
    let isTransparent: Bool
    @usableFromInline let body: Body
    let enter: @Sendable (inout Passage, Int, inout (any Error)?) -> Int
    let leave: @Sendable (inout Passage, Int) -> Void
    let fail: @Sendable (inout Passage, Int, Int, inout any Error, Context) -> Int
    let resume: Resume
    let inside: @Sendable (inout Passage, Int, Context) -> Context
    let describe: @Sendable (inout Passage, Int, Int, Bool, inout CallReports) -> Void

    @inlinable
    init<S: Strategy>(_ strategy: S) {
        self.init(
            depth: strategy._depth, size: strategy._size, isTransparent: strategy._isTransparent,
            body: { context, next in try await strategy.execute(context, next) },
            enter: { passage, offset, refusal in strategy._enter(&passage, at: offset, &refusal) },
            leave: { passage, offset in strategy._leave(&passage, at: offset) },
            fail: { passage, offset, entered, error, context in
                strategy._fail(&passage, at: offset, entered: entered, &error, context)
            },
            resume: { passage, offset, position, error, context, next in
                try await strategy._resume(&passage, at: offset, position, error, context, next)
            },
            inside: { passage, offset, context in strategy._inside(&passage, at: offset, context) },
            describe: { passage, offset, entered, isRefused, reports in
                strategy._describe(&passage, at: offset, entered: entered, isRefused: isRefused, &reports)
            })
    }

    @usableFromInline
    init(
        depth: Int, size: Int, isTransparent: Bool, body: @escaping Body,
        enter: @escaping @Sendable (inout Passage, Int, inout (any Error)?) -> Int,
        leave: @escaping @Sendable (inout Passage, Int) -> Void,
        fail: @escaping @Sendable (inout Passage, Int, Int, inout any Error, Context) -> Int,
        resume: @escaping Resume, inside: @escaping @Sendable (inout Passage, Int, Context) -> Context,
        describe: @escaping @Sendable (inout Passage, Int, Int, Bool, inout CallReports) -> Void
    ) {
        self.depth = depth
        self.size = size
        self.isTransparent = isTransparent
        self.body = body
        self.enter = enter
        self.leave = leave
        self.fail = fail
        self.resume = resume
        self.inside = inside
        self.describe = describe
    }
}

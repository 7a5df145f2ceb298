/// One kind of call whose cost is measured: many calls in a loop, around a trivial asynchronous operation.
public struct Row: Sendable {
    /// What is measured.
    public enum Kind: String, Sendable {
        /// A primitive of the standard library that the others are built from.
        case baseline
        /// A call through this package.
        case library
        /// A call through this package that runs on several threads, so that its counts vary.
        case concurrent
        /// The same in Swift that a user would write instead.
        case alternative
    }

    /// Makes a number of calls, one after another.
    public typealias Loop = @Sendable (Int) async throws -> Void

    /// The row's name, in the table and on the command line.
    public let name: String
    /// What is measured.
    public let kind: Kind
    /// How many tasks call at once; each makes the number of calls asked for.
    public let callers: Int
    private let prepare: @Sendable () throws -> Loop

    init(_ name: String, _ kind: Kind, callers: Int = 1, prepare: @escaping @Sendable () throws -> Loop) {
        self.name = name
        self.kind = kind
        self.callers = callers
        self.prepare = prepare
    }

    /// Builds what is called and returns the loop that calls it.
    public func prepared() throws -> Loop {
        let loop = try prepare()
        guard callers > 1 else { return loop }
        return { [callers] count in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<callers { group.addTask { try await loop(count) } }
                try await group.waitForAll()
            }
        }
    }

    /// The same row with two tasks that call at once.
    public func withTwoCallers() -> Row {
        Row("\(name), two callers", kind, callers: 2, prepare: prepare)
    }

    /// All rows.
    public static let all =
        baselines + breakers + retries + timeouts + hedges + bulkheads + fallbacks + rateLimiters + policies
        + modules + observers + clocks
}

/// The operation of every row: nothing but an asynchronous call.
@inline(never)
func operation(_ value: Int) async throws -> Int { value &+ 1 }

struct OperationFailed: Error {}

@inline(never)
func failingOperation() async throws -> Int { throw OperationFailed() }

/// Keeps a loop's result alive.
@inline(never)
@_optimize(none)
func consume(_ value: Int) {}

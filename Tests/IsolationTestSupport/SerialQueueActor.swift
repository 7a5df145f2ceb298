import Dispatch

/// A serial executor of its own, on a dispatch queue that can tell whether code runs on it.
public final class QueueExecutor: SerialExecutor, Sendable {
    public static let shared = QueueExecutor()

    private let queue = DispatchQueue(label: "isolation tests")
    private let key = DispatchSpecificKey<Bool>()

    private init() {
        queue.setSpecific(key: key, value: true)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    /// Whether the calling code runs on this executor.
    public var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }
}

/// State that is not `Sendable`, and would be raced on if a body ran off its actor.
public final class Counter {
    public var value = 0
    public init() {}
}

/// Where the parts of a call ran.
public struct Places: Sendable, Equatable {
    public var body: [Bool] = []
    public var afterReturn: Bool?
    public var inCatch: Bool?

    public init(body: [Bool] = [], afterReturn: Bool? = nil, inCatch: Bool? = nil) {
        self.body = body
        self.afterReturn = afterReturn
        self.inCatch = inCatch
    }
}

/// The error of the isolation tests.
public struct IsolationTestError: Error {
    public init() {}
}

/// Leaves the current executor and comes back.
@concurrent
public func hopAway() async {
    await Task.yield()
}

/// A function that runs on the global executor and only throws.
@concurrent
public func throwElsewhere() async throws {
    throw IsolationTestError()
}

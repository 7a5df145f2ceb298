/// The upstream's workers: so many requests are worked on at once, the others wait their turn.
///
/// That is what makes slowness dangerous: a server that has to give 400 ms to each call can serve only so many of them,
/// and spends its time on calls whose callers have long given up. Like most servers, it does not notice that they have.
struct WorkerPool: Sendable {
    struct Job: Sendable, Equatable {
        let connection: Int
        /// What is asked for.
        let order: UInt64
        /// Decided when it came: what is heavy stays so, also if the upstream has changed when its turn comes.
        let fate: UpstreamBehaviour.Fate
    }

    let workers: Int
    private var running: [(end: ContinuousClock.Instant, job: Job)] = []
    private var waiting: [Job] = []

    init(workers: Int) {
        self.workers = workers
    }

    /// When the next worker will be free.
    var nextEnd: ContinuousClock.Instant? { running.map(\.end).min() }

    /// Whether a request waits although a worker is free: until the next step.
    var canStartWork: Bool { !waiting.isEmpty && running.count < workers }

    mutating func add(_ job: Job) {
        waiting.append(job)
    }

    /// Takes what is finished and gives the free workers what waits.
    mutating func step(now: ContinuousClock.Instant) -> [Job] {
        let finished = running.filter { $0.end <= now }.sorted { $0.end < $1.end }.map(\.job)
        running.removeAll { $0.end <= now }
        let started = waiting.prefix(max(0, workers - running.count))
        waiting.removeFirst(started.count)
        for job in started {
            running.append((now.advanced(by: job.fate.work), job))
        }
        return finished
    }

    /// Forgets all work, as a process that dies.
    mutating func clear() {
        running = []
        waiting = []
    }
}

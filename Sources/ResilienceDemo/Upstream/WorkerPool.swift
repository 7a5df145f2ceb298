/// The upstream's workers: so many requests are worked on at once, the others wait their turn.
///
/// That is what makes slowness dangerous: a server that has to give 400 ms to each call can serve only so many of them,
/// and spends its time on calls whose callers have long given up. Like most servers, it does not notice that they have.
struct WorkerPool: Sendable {
    struct Job: Sendable, Equatable {
        let connection: Int
        let request: UInt64
    }

    struct Finished: Sendable, Equatable {
        let job: Job
        let answer: UpstreamBehaviour.Answer
    }

    let workers: Int
    private var running: [(end: ContinuousClock.Instant, finished: Finished)] = []
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
    mutating func step(
        now: ContinuousClock.Instant, fate: (Job) -> UpstreamBehaviour.Fate
    ) -> [Finished] {
        let finished = running.filter { $0.end <= now }.sorted { $0.end < $1.end }.map(\.finished)
        running.removeAll { $0.end <= now }
        let started = waiting.prefix(max(0, workers - running.count))
        waiting.removeFirst(started.count)
        for job in started {
            let fate = fate(job)
            running.append((now.advanced(by: fate.work), Finished(job: job, answer: fate.answer)))
        }
        return finished
    }

    /// Forgets all work, as a process that dies.
    mutating func clear() {
        running = []
        waiting = []
    }
}

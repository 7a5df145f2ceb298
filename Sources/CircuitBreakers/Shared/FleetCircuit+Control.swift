public import ResilienceCore

extension FleetCircuit {
    // MARK: Reading

    /// The fleet's circuit, as far as this node has heard.
    public var shared: SharedCircuit {
        let now = time.now
        return state.withLock { $0.shown(now: now) }
    }

    /// Whether the store cannot be reached, and the breaker goes by its own rules.
    public var isDegraded: Bool { state.withLock { $0.outage.isPresent } }

    /// When the fleet opens together, and how this node keeps in touch.
    public var configuration: Configuration { state.withLock { $0.configuration } }

    /// The totals of this node since the circuit was created.
    public var totals: Totals { state.withLock { $0.totals } }

    /// Adds an observer of the fleet's circuit.
    public func addObserver(_ observer: any PolicyObserver) { events.add(observer) }

    /// Replaces the configuration, with what is known and counted as it is.
    ///
    /// - Throws: All faults of the configuration; the old one stays in force then.
    public func update(_ configuration: Configuration) throws(ConfigurationError) {
        try configuration.validate()
        state.withLock { $0.update(configuration) }
    }

    // MARK: By hand

    /// Opens the circuit on all nodes, or restarts its break. Returns once the store knows; the nodes hear of it
    /// then.
    ///
    /// - Parameter length: How long, 1 ms to 366 days.
    /// - Throws: `ConfigurationError` if the length is not allowed; what the store throws, usually a
    /// `SharedStateError`.
    public func open(for length: Duration) async throws {
        var check = ConfigurationCheck(name)
        check.require("length", length, in: .milliseconds(1) ... .seconds(31_622_400), "1 ms...366 days")
        try check.finish()
        try await ask(.open(length)) { $0.phase == .open(remaining: .microseconds(length.microseconds)) }
    }

    /// Closes the circuit on all nodes, and resets its counts. A breaker that opened by its own rule stays open
    /// for its own break.
    ///
    /// - Throws: What the store throws, usually a `SharedStateError`.
    public func close() async throws {
        try await ask(.close) { $0.phase == .closed }
    }

    /// Asks until it is done: a request by a node that did not know the newest state changes nothing.
    private func ask(_ request: CircuitReport.Request, isDone: (SharedCircuit) -> Bool) async throws {
        for _ in 0..<16 {
            let report = report(request)
            let reply = try await exchange(report)
            if reply.epoch > report.known.epoch, isDone(reply) { return }
        }
        throw SharedStateError.unavailable("others change the circuit at the same time")
    }

    private func report(_ request: CircuitReport.Request) -> CircuitReport {
        let view = breaker.fleetView
        let now = time.now
        return state.withLock { $0.report(by: request, view, now: now) }
    }
}

import Foundation
import Resilience
import ResilienceFiles
import ResilienceTesting
import Testing

@Suite("Guides/Lifecycle.md")
struct LifecycleExamples {
    let gateway = Gateway()
    let client = Client()
    let order = Order()
    let lastReceipt = Receipt(id: 7)

    private func shop() async throws -> ResilienceModule {
        let resilience = try ResilienceModule("shop") {
            Registration("payments") {
                Retry.layer(.exponential(), maxAttempts: 3)
                CircuitBreaker.layer()
                Timeout.layer(.seconds(1))
            }
            Registration("inventory", CircuitBreaker.layer())
        }

        let receipt = try await resilience.execute("payments") { try await gateway.charge(order) }
        #expect(receipt == Receipt())
        return resilience
    }

    @Test("by name")
    func names() async throws {
        let resilience = try await shop()
        let payments = try resilience.policy("payments")  // keep it: this saves the look-up
        let breaker = try resilience.circuitBreaker("inventory")  // registered, or a layer of a registered policy

        let run = try await resilience.run("payments") { try await gateway.charge(order) }
        print(run.attempts, run.duration, run.isServedByFallback)

        let cached = try await resilience.execute("payments") {
            try await gateway.charge(order)
        } fallback: { error in
            lastReceipt
        }
        #expect(payments.layers.count == 3 && breaker.state == .closed && run.attempts == 1 && cached == Receipt())

        let strict = try ResilienceModule(options: .init(firstUse: .refuses)) {
            Registration("payments") { CircuitBreaker.layer() }
        }
        do {
            try await strict.execute("payment") {}
        } catch let error as ResilienceModule.UnknownNameError {
            print(error)  // there is no policy "payment"; did you mean "payments"?
        }
        let unknown = await #expect(throws: ResilienceModule.UnknownNameError.self) {
            try await strict.execute("payment") {}
        }
        #expect(unknown?.description == "there is no policy \"payment\"; did you mean \"payments\"?")

        try resilience.register(
            Registration(family: "hosts", by: String.self, maxKeys: 500) {
                Retry.layer()
                CircuitBreaker.layer()
            })
        let hosts = try resilience.family("hosts", by: String.self)
        let response = try await hosts.execute(for: "api.example.com") { try await client.get("/") }
        print(hosts.busiest(10))  // the keys in trouble first, then those with the most failures
        #expect(response.status == 200 && hosts.count == 1)

        let clock = ManualClock()
        let sharing = try ResilienceModule("shop", clock: clock) {
            Registration("payments") { RateLimiter.named("outbound") }
            Registration("stock") { RateLimiter.named("outbound") }
            Registration("outbound", RateLimiter.layer(.tokenBucket(100, per: .seconds(1))))
        }
        #expect(try sharing.policy("stock").layers.count == 1)
    }

    @Test("from start to end")
    func lifecycle() async throws {
        let resilience = try await shop()
        let path = FileManager.default.temporaryDirectory.appending(path: "guide-\(UUID().uuidString).json").path
        resilience.keepState(in: FileStateStore(URL(filePath: path)))  // import ResilienceFiles
        let patient = try ResilienceModule("shop", options: .init(drainDelay: .seconds(15), gracePeriod: .seconds(10)))
        await patient.shutdown(drainDelay: .zero)
        let running = Task { try await resilience.run() }  // parks until it is cancelled, or shutdown() is called
        let report = await resilience.shutdown(gracePeriod: .seconds(10))
        print(report)  // shut down in 0 seconds: 0 calls were running, … and a line for each thing it holds
        #expect(report.description.contains("0 calls were running"))
        // The module may have ended before it ran.
        _ = try? await running.value
        #expect(FileManager.default.fileExists(atPath: path))
        try FileManager.default.removeItem(atPath: path)
    }

    @Test("health")
    func health() async throws {
        let resilience = try await shop()
        try resilience.circuitBreaker("payments").open()
        var answers: [Int] = []
        func respond(_ status: Int) { answers.append(status) }
        switch resilience.health.status {
        case .healthy: respond(200)
        case .degraded: respond(200)  // something does not work, but nothing that was marked as critical
        case .down: respond(503)
        }
        print(resilience.health.reasons)  // circuit breaker "payments" is open
        #expect(
            answers == [200] && resilience.health.reasons.map(\.description) == ["circuit breaker \"payments\" is open"]
        )
    }
}

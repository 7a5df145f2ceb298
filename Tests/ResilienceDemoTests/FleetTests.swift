import Testing

@testable import ResilienceDemo

@Suite("Runs with several processes")
struct FleetTests {
    @Test(
        "the command line says how many nodes meet where, and what goes wrong",
        arguments: [
            (["--fleet", "4"], FleetOptions(nodes: 4)),
            (["--fleet=2", "--redis=redis://h:1"], FleetOptions(nodes: 2, redis: "redis://h:1")),
            (["--fault", "kill", "--fleet", "32"], FleetOptions(nodes: 32, fault: .kill)),
        ])
    func options(arguments: [String], fleet: FleetOptions) {
        #expect(CommandLineRequest(arguments) == .run(Options(fleet: fleet)))
    }

    @Test(
        "what does not go together, or is none, is refused",
        arguments: [
            ["--fleet", "1"], ["--fleet", "33"], ["--fleet", "many"], ["--fleet"], ["--redis", "redis://h"],
            ["--fault", "kill"], ["--fault", "fire", "--fleet", "2"], ["--fleet", "2", "--redis", ""],
            ["--fleet", "2", "--redis", "redis://h", "--fault", "stop"], ["--fleet", "2", "--serve"],
            ["--fleet", "2", "--picture", "a.svg"], ["--fleet-node", "-1"], ["--fleet-node", "0", "--upstream", "x"],
        ])
    func faults(arguments: [String]) throws {
        guard case .invalid(let message) = CommandLineRequest(arguments) else {
            Issue.record("taken: \(arguments)")
            return
        }
        #expect(!message.isEmpty)
    }

    @Test("a process is started with a command line that says all it has to know")
    func node() {
        let node = FleetNodeOptions(number: 3, redis: "redis://127.0.0.1:7001", upstream: 8080, seed: 5)
        #expect(CommandLineRequest(node.arguments) == .node(node))
    }

    @Test("a fault lasts from before the failures into their midst, and all ends after the recovery")
    func timeline() {
        let plain = FleetTimeline(isQuick: false, hasFault: false).steps.map(\.step)
        #expect(plain == [.upstreamFails, .upstreamRecovers, .end])
        for isQuick in [false, true] {
            let steps = FleetTimeline(isQuick: isQuick, hasFault: true).steps
            #expect(steps.map(\.step) == [.faultBegins, .upstreamFails, .faultEnds, .upstreamRecovers, .end])
            #expect(steps.map(\.at) == steps.map(\.at).sorted())
        }
    }

    @Test("a message survives the way from one process to another, in pieces")
    func messages() throws {
        var message = FleetMessage(2, .changed)
        (message.state, message.reason, message.succeeded) = ("open", "the \"fleet\"\n", 7)
        var splitter = LineSplitter()
        var read: [FleetMessage?] = []
        let text = message.line + "no message\n" + message.line
        for byte in text.utf8 { read += splitter.lines(adding: [byte]).map { FleetMessage(line: $0) } }
        #expect(read == [message, nil, message])
    }

    @Test("a line without end does not fill the memory")
    func endless() {
        var splitter = LineSplitter()
        for _ in 0..<100 { #expect(splitter.lines(adding: [UInt8](repeating: 65, count: 10_000)).isEmpty) }
        #expect(splitter.lines(adding: [10]).map(\.utf8.count) == [1 << 16])
    }

    @Test("the record knows who opened when, after the upstream failed, and because of whom")
    func record() {
        func changed(_ node: Int, _ state: String, _ reason: String, _ at: Double) -> FleetMessage {
            var message = FleetMessage(node, .changed)
            (message.state, message.reason) = (state, reason)
            return message.at(at)
        }
        var record = FleetRecord(nodes: 2, start: 1_000)
        record.take(changed(0, "open", "by hand", 1_500))
        #expect(record.nodes[0].openedAfter == nil)
        record.upstreamFailed(at: 2_000)
        record.take(changed(0, "open", "its own rule", 2_100))
        #expect(record.timeToAgree == nil)
        record.take(changed(1, "open", "the fleet", 2_104))
        record.take(changed(1, "half-open", "the break is over", 3_000))
        record.take(changed(7, "open", "nobody", 3_000))
        #expect(record.nodes.map(\.openedAfter) == [100, 104])
        #expect(record.nodes.map(\.openedBy) == ["its own rule", "the fleet"])
        #expect(record.timeToAgree == 4)
        record.take(changed(0, "closed", "too early", 3_500))
        record.upstreamRecovered(at: 4_000)
        record.take(changed(0, "closed", "the probes", 4_500))
        #expect(record.nodes.map(\.closedAfter) == [500, nil])
        record.take(FleetMessage(1, .degraded).at(5_000))
        #expect(record.nodes[1].isDegraded)
        record.take(FleetMessage(1, .recovered).at(5_100))
        #expect(!record.nodes[1].isDegraded)
        #expect(record.nodes[1].timesDegraded == 1)
        let lines = record.lines(seconds: 2)
        #expect(lines.count == 4)
        #expect(lines[1].contains("100 ms") && lines[1].contains("500 ms"))
        #expect(lines[2].contains("–"))
        #expect(lines[3] == "from the first node to the last: 4 ms")
    }
}

extension FleetMessage {
    fileprivate func at(_ time: Double) -> FleetMessage {
        var message = self
        message.at = time
        return message
    }
}

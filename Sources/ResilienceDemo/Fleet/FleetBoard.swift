import Foundation
import Resilience

/// What is known of a run with several processes, for all that ask; tells what happens as it does.
final class FleetBoard: Sendable {
    private struct State {
        var record: FleetRecord
        var ready = 0
        var written = 0
    }

    private let state: Lock<State>

    init(nodes: Int, start: Double) {
        state = Lock(State(record: FleetRecord(nodes: nodes, start: start)))
    }

    /// How many processes call the upstream.
    var ready: Int { state.withLock { $0.ready } }

    var record: FleetRecord { state.withLock { $0.record } }

    func begin() { note("all nodes call the upstream") }

    func note(_ text: String) { change { $0.record.note(text, at: Self.now) } }

    func upstreamFailed() { change { $0.record.upstreamFailed(at: Self.now) } }

    func upstreamRecovered() { change { $0.record.upstreamRecovered(at: Self.now) } }

    func take(_ message: FleetMessage) {
        change { state in
            if message.kind == .ready { state.ready += 1 }
            state.record.take(message)
        }
    }

    func lines(seconds: Double) -> [String] { record.lines(seconds: seconds) }

    private func change(_ body: (inout State) -> Void) {
        let new = state.withLock { state in
            body(&state)
            let new = state.record.entries[state.written...]
            state.written = state.record.entries.count
            return Array(new)
        }
        for entry in new {
            try? Terminal.write("\(String(format: "%6.2f", entry.at / 1_000)) s  \(entry.text)\n")
        }
    }

    private static var now: Double { Date().timeIntervalSince1970 * 1_000 }
}

/// One of the processes, which runs this program.
final class FleetProcess {
    private let process = Process()

    init(_ options: FleetNodeOptions, _ board: FleetBoard) throws {
        let output = Pipe()
        process.executableURL = URL(
            fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments.first ?? "resilience-demo")
        process.arguments = options.arguments
        process.standardOutput = output
        let splitter = Lock(LineSplitter())
        let lines = SplitLines(splitter: splitter)
        output.fileHandleForReading.readabilityHandler = { handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            for line in lines.adding(data) {
                if let message = FleetMessage(line: line) { board.take(message) }
            }
        }
        try process.run()
    }

    func end() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }
}

/// The lines of a process, for the handler that reads them.
private final class SplitLines: Sendable {
    private let splitter: Lock<LineSplitter>

    init(splitter: consuming Lock<LineSplitter>) { self.splitter = splitter }

    func adding(_ data: Data) -> [String] { splitter.withLock { $0.lines(adding: data) } }
}

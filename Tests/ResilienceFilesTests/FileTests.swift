import Foundation
import Resilience
import ResilienceCore
import ResilienceFiles
import ResilienceTesting
import Testing

/// A folder of its own, gone after the test.
private final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "resilience-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appending(path: name) }
}

@Suite("Configuration files", .timeLimit(.minutes(30)))
struct ConfigurationFileTests {
    @Test("a document is read from a file and put in force")
    func reading() throws {
        let folder = try Folder()
        let file = folder.file("good.json")
        try Data(#"{ "policies": { "x": { "layers": [{ "retry": { "maxAttempts": 7 } }] } } }"#.utf8).write(to: file)
        let module = try ResilienceModule(configuration: .init(contentsOf: file))
        #expect(try module.retry("x").configuration.maxAttempts == 7)
    }

    @Test("a file that is missing, unreadable or no JSON is a clear error, with the place")
    func errors() throws {
        let folder = try Folder()
        let missing = #expect(throws: ConfigurationFileError.self) {
            try ResilienceModule.Configuration(contentsOf: folder.file("missing.json"))
        }
        #expect(missing?.problem == .missing)
        #expect(missing?.description == "\(folder.file("missing.json").path): there is no such file")
        let directory = #expect(throws: ConfigurationFileError.self) {
            try ResilienceModule.Configuration(contentsOf: folder.url)
        }
        #expect(directory?.description.contains("cannot be read: ") == true)
        let texts: [(text: String, line: Int)] = [
            ("{\n  \"a\": 1,\n  \"b\": }\n", 3), ("{ nonsense", 1), ("{\n\"a\": [1, 2\n", 3), ("", 1),
        ]
        for (index, (text, line)) in texts.enumerated() {
            let file = folder.file("\(index).json")
            try Data(text.utf8).write(to: file)
            let error = #expect(throws: ConfigurationFileError.self) {
                try ResilienceModule.Configuration(contentsOf: file)
            }
            guard case .malformed(let fault) = error?.problem else {
                Issue.record("\(index): \(String(describing: error))")
                continue
            }
            #expect(fault.line == line, "\(text.debugDescription): \(fault)")
            #expect(error?.description.hasPrefix(file.path + ":") == true)
        }
    }
}

@Suite("Watching a file", .timeLimit(.minutes(30)))
struct WatchTests {
    private let clock = ManualClock()
    private let recorder = EventRecorder()

    private func write(_ text: String, to file: URL, age: Double) throws {
        try Data(text.utf8).write(to: file)
        // The date of the file system may stand still between two writes of a test.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_000_000_000 + age)], ofItemAtPath: file.path)
    }

    private func attempts(_ number: Int) -> String {
        #"{ "policies": { "x": { "retry": { "maxAttempts": \#(number) } } } }"#
    }

    @Test("changes are taken: written in place, renamed over, half-written, gone for a moment, and with faults")
    func watching() async throws {
        let folder = try Folder()
        let file = folder.file("live.json")
        let module = try ResilienceModule("test", clock: clock, observers: [recorder]) {
            Registration("x") { Retry.layer(.immediate, maxAttempts: 3) }
        }
        try write(attempts(4), to: file, age: 0)
        module.watch(file, every: .seconds(5))
        let running = Task { try await module.run() }
        var seen: [Int] = []
        var failures: [Int] = []

        func look() async throws {
            try await clock.waitForSleepers(1)
            seen.append(try module.retry("x").configuration.maxAttempts)
            failures.append(recorder.names.filter { $0 == "module.reload_failed" }.count)
        }
        func step(_ change: () throws -> Void = {}) async throws {
            try change()
            clock.advance(by: .seconds(5))
            try await look()
        }

        try await look()
        try await step()
        try await step { try write(attempts(5), to: file, age: 1) }
        // As large, and as old: another file, which takes its place at once.
        try await step {
            try Data(attempts(6).utf8).write(to: file, options: .atomic)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_000_000_001)], ofItemAtPath: file.path)
        }
        try await step { try write(String(attempts(7).prefix(20)), to: file, age: 2) }
        try await step()
        try await step { try write(attempts(7), to: file, age: 3) }
        try await step { try FileManager.default.removeItem(at: file) }
        try await step()
        try await step { try write(attempts(8), to: file, age: 4) }
        try await step { try write(attempts(0), to: file, age: 5) }
        try await step { try write(attempts(9), to: file, age: 6) }
        #expect(seen == [4, 4, 5, 6, 6, 6, 7, 7, 7, 8, 8, 9])
        #expect(failures == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3])
        let told = recorder.events(of: ResilienceModule.Event.self).compactMap {
            if case .reloadFailed = $0.kind { $0.description } else { nil }
        }
        #expect(told.count == 3 && told[0].contains("\(file.path):"))
        #expect(told.count == 3 && told[1].hasSuffix("there is no such file"))
        #expect(told.count == 3 && told[2].hasSuffix("policies.x.retry.maxAttempts: 0 is below 1"))
        running.cancel()
        try await running.value
    }

    @Test("a file that does not fit is taken once what it describes is registered")
    func laterRegistration() async throws {
        let folder = try Folder()
        let file = folder.file("live.json")
        try write(attempts(4), to: file, age: 0)
        let module = try ResilienceModule("test", clock: clock, observers: [recorder])
        module.watch(file, every: .seconds(5))
        let running = Task { try await module.run() }
        try await clock.waitForSleepers(1)
        try module.register(Registration("x") { Retry.layer(.immediate, maxAttempts: 3) })
        clock.advance(by: .seconds(5))
        try await clock.waitForSleepers(1)
        #expect(try module.retry("x").configuration.maxAttempts == 4)
        running.cancel()
        try await running.value
    }
}

@Suite("State in a file", .timeLimit(.minutes(30)))
struct FileStateStoreTests {
    @Test("X-20: breakers go on in the next process from a file; there need not be one at first")
    func store() async throws {
        let folder = try Folder()
        let store = FileStateStore(folder.file("state.json"))
        #expect(try await store.load() == nil)
        for isFirst in [true, false] {
            let clock = ManualClock()
            let module = try ResilienceModule(clock: clock) {
                Registration("x", CircuitBreaker.layer(.init(breakLength: .fixed(.seconds(30)))))
            }
            module.keepState(in: store)
            let executor = SteppingExecutor()
            let running = Task(executorPreference: executor) { try await module.run() }
            executor.drain()
            let breaker = try module.circuitBreaker("x")
            if isFirst {
                breaker.open()
                clock.advance(by: .seconds(20))
            } else {
                #expect(breaker.state == .open && breaker.remainingBreak == .seconds(10))
            }
            running.cancel()
            executor.drain()
            try await running.value
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["state.json"])
    }

    @Test("a file that cannot be read or written is an error of the store, and what was saved stays")
    func failing() async throws {
        let folder = try Folder()
        let file = folder.file("state.json")
        try Data("no JSON".utf8).write(to: file)
        await #expect(throws: DecodingError.self) { try await FileStateStore(file).load() }
        let nowhere = FileStateStore(folder.file("no/such/folder.json"))
        await #expect(throws: (any Error).self) { try await nowhere.save(ResilienceModule.SavedState()) }
    }
}

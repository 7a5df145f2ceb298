#if Redis
    /// What no error, description or log may show.
    ///
    /// Servers repeat in an error what they were sent, where they do not know a command.
    struct Secrets: Sendable, CustomStringConvertible, CustomReflectable {
        private let texts: [String]

        init(_ texts: [String?] = []) {
            self.texts = texts.compactMap { $0 }.filter { !$0.isEmpty }
        }

        func hidden(in text: String) -> String {
            texts.reduce(text) { text, secret in
                var (shown, rest) = ("", text)
                while let (before, behind) = rest.split(at: secret) {
                    shown += before + "***"
                    rest = String(behind)
                }
                return shown + rest
            }
        }

        var description: String { "***" }
        var customMirror: Mirror { Mirror(self, children: []) }
    }
#endif

// Arbitrary bytes as replication messages: each length-prefixed piece of the input is one CopyData
// message. The decoder may refuse, and must neither crash nor read past the message.
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "change/fragment.hpp"
#include "pgoutput/copy_data.hpp"
#include "pgoutput/decoder.hpp"

namespace {

// Looks at every byte that it is given, so that the sanitizer sees what is out of bounds.
class reading_sink final : public pulse::fragment_sink {
 public:
  pulse::result<void> on_begin(const pulse::transaction_begin&) override { return {}; }
  pulse::result<void> on_relation(const pulse::relation_definition& definition) override {
    seen_ += definition.columns.size();
    return {};
  }
  pulse::result<void> on_change(const pulse::row_change& change) override {
    read(change.before);
    read(change.after);
    return {};
  }
  pulse::result<void> on_commit(const pulse::transaction_commit&) override { return {}; }

 private:
  void read(pulse::tuple_view row) {
    for (const auto value : row) {
      for (const char c : value.text) seen_ += static_cast<unsigned char>(c);
    }
  }
  std::size_t seen_ = 0;
};

// Keeps what is streamed, to give it back at the commit.
class keeping_sink final : public pulse::streamed_sink {
 public:
  pulse::result<void> on_block_start(std::uint32_t, bool) override { return {}; }
  pulse::result<void> on_streamed(const pulse::streamed_message& message) override {
    kept.emplace_back(message.at, message.type, pulse::as_text(message.body));
    return {};
  }
  pulse::result<void> on_block_end() override { return {}; }
  pulse::result<void> on_stream_commit(const pulse::transaction_begin& begin,
                                       const pulse::transaction_commit& commit) override {
    if (auto begun = decoder->replay_begin(begin); !begun) return begun;
    for (const auto& [at, type, body] : std::exchange(kept, {})) {
      auto replayed = decoder->replay(at, type, pulse::as_byte_view(body));
      if (!replayed) return replayed;
    }
    return decoder->replay_commit(commit);
  }
  pulse::result<void> on_stream_abort(std::uint32_t, std::uint32_t) override { return {}; }

  pulse::pgoutput::decoder* decoder = nullptr;
  std::vector<std::tuple<pulse::lsn, char, std::string>> kept;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  reading_sink sink;
  keeping_sink streamed;
  pulse::pgoutput::decoder decoder(sink, &streamed);
  streamed.decoder = &decoder;
  while (size > 1) {
    const std::size_t piece = data[0] < size ? data[0] : size - 1;
    const auto bytes = std::as_bytes(std::span(data + 1, piece));
    const auto parsed = pulse::pgoutput::parse_copy_data(bytes);
    if (parsed) {
      if (const auto* message = std::get_if<pulse::pgoutput::xlog_data>(&*parsed)) {
        if (!decoder.decode(message->wal_start, message->message)) decoder.reset();
      }
    }
    data += 1 + piece;
    size -= 1 + piece;
  }
  return 0;
}

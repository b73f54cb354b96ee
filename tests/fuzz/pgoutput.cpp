// Arbitrary bytes as a replication connection: each piece of the input is one CopyData message. The
// decoder may refuse, and must neither crash nor read past the message; what was streamed is given
// back at its commit, as capture does it.
#include <string>
#include <utility>
#include <vector>

#include "change/fragment.hpp"
#include "pgoutput/copy_data.hpp"
#include "pgoutput/decoder.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace pulse;

// Looks at every byte that it is given, so that the sanitizer sees what is out of bounds.
class reading_sink final : public fragment_sink {
 public:
  result<void> on_begin(const transaction_begin& /*begin*/) override { return {}; }
  result<void> on_relation(const relation_definition& definition) override {
    for (const auto& column : definition.columns) read(column.name);
    return {};
  }
  result<void> on_change(const row_change& change) override {
    for (const auto value : change.before) read(value.text);
    for (const auto value : change.after) read(value.text);
    return {};
  }
  result<void> on_commit(const transaction_commit& /*commit*/) override { return {}; }

 private:
  void read(std::string_view text) {
    for (const char c : text) seen_ += static_cast<unsigned char>(c);
  }
  volatile std::size_t seen_ = 0;
};

// Keeps what is streamed, to give it back at the commit.
class keeping_sink final : public streamed_sink {
 public:
  explicit keeping_sink(pgoutput::decoder*& decoder) : decoder_(&decoder) {}

  result<void> on_block_start(std::uint32_t /*xid*/, bool /*first*/) override { return {}; }
  result<void> on_streamed(const streamed_message& message) override {
    kept_.push_back({message.xid, message.subxid, message.at, message.type,
                     std::string(as_text(message.body))});
    return {};
  }
  result<void> on_block_end() override { return {}; }
  result<void> on_stream_commit(const transaction_begin& begin,
                                const transaction_commit& commit) override {
    auto& decoder = **decoder_;
    if (auto begun = decoder.replay_begin(begin); !begun) return begun;
    for (const auto& one : kept_) {
      if (one.xid != begin.xid) continue;
      if (auto replayed = decoder.replay(one.at, one.type, as_byte_view(one.body)); !replayed)
        return replayed;
    }
    forget(begin.xid, begin.xid);
    return decoder.replay_commit(commit);
  }
  result<void> on_stream_abort(std::uint32_t xid, std::uint32_t subxid) override {
    forget(xid, subxid);
    return {};
  }

  void clear() { kept_.clear(); }

 private:
  struct kept {
    std::uint32_t xid;
    std::uint32_t subxid;
    lsn at;
    char type;
    std::string body;
  };

  void forget(std::uint32_t xid, std::uint32_t subxid) {
    std::erase_if(kept_, [&](const kept& one) {
      return one.xid == xid && (subxid == xid || one.subxid == subxid);
    });
  }

  pgoutput::decoder** decoder_;
  std::vector<kept> kept_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input bytes(data, size);
  reading_sink sink;
  pgoutput::decoder* at_hand = nullptr;
  keeping_sink streamed(at_hand);
  const bool streaming = (bytes.take_byte() & 1U) == 0;
  pgoutput::decoder decoder(sink, streaming ? &streamed : nullptr);
  at_hand = &decoder;
  while (!bytes.empty()) {
    const auto parsed = pgoutput::parse_copy_data(bytes.take_piece());
    if (!parsed) continue;
    const auto* message = std::get_if<pgoutput::xlog_data>(&*parsed);
    if (message == nullptr) continue;
    if (decoder.decode(message->wal_start, message->message)) continue;
    decoder.reset();
    streamed.clear();
  }
  return 0;
}

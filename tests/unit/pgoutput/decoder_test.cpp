#include "pgoutput/decoder.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "pgoutput/copy_data.hpp"
#include "tests/support/test_events.hpp"

namespace pulse::pgoutput {
namespace {

using namespace std::literals;

// Says what it was told, one line each.
class telling_sink final : public fragment_sink {
 public:
  result<void> on_begin(const transaction_begin& begin) override {
    lines.push_back(fmt::format("begin {} {} xid {}", to_string(begin.commit),
                                begin.committed_at.time_since_epoch().count(), begin.xid));
    return {};
  }
  result<void> on_relation(const relation_definition& definition) override {
    auto line = fmt::format("relation {} {} {}", definition.oid, to_string(definition.table),
                            static_cast<char>(definition.identity));
    for (const auto& column : definition.columns) {
      line += fmt::format(" {}{}:{}", column.in_identity ? "*" : "", column.name, column.type_oid);
    }
    lines.push_back(line);
    return {};
  }
  result<void> on_change(const row_change& change) override {
    if (refuses && text_of(change.after) == refused_row) return *refuses;
    lines.push_back(fmt::format("{} {} at {}.{} before {} ({}) after ({})",
                                to_string(change.action), change.relation_oid, to_string(change.at),
                                change.ordinal, static_cast<int>(change.before_kind),
                                text_of(change.before), text_of(change.after)));
    return {};
  }
  result<void> on_message(const logical_message& message) override {
    lines.push_back(fmt::format("message {} at {}: {}", message.prefix, to_string(message.at),
                                message.content));
    return {};
  }
  result<void> on_commit(const transaction_commit& commit) override {
    lines.push_back(
        fmt::format("commit {} end {}", to_string(commit.commit), to_string(commit.end)));
    return {};
  }
  std::vector<std::string> lines;
  // What it answers to a row of this text.
  std::optional<error> refuses;
  static constexpr std::string_view refused_row = "1 no";

 private:
  static std::string text_of(tuple_view row) {
    std::string text;
    for (const auto value : row) {
      if (!text.empty()) text += ' ';
      text += value.state == column_state::null              ? "null"
              : value.state == column_state::unchanged_toast ? "unchanged"
                                                             : std::string(value.text);
    }
    return text;
  }
};

// From the protocol's description (PostgreSQL manual, section 55.9), byte by byte.
const auto begin_bytes = "B\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\1\0\0\0\7"s;
const auto relation_bytes =
    "R\0\0\x40\0public\0notes\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff\0text\0\0\0\0\x19\xff\xff\xff\xff"s;
const auto insert_bytes =
    "I\0\0\x40\0N\0\2t\0\0\0\1"
    "1"
    "t\0\0\0\2hi"s;
const auto update_bytes =
    "U\0\0\x40\0N\0\2t\0\0\0\1"
    "1"
    "u"s;
const auto update_key_bytes =
    "U\0\0\x40\0K\0\2t\0\0\0\1"
    "1"
    "nN\0\2t\0\0\0\1"
    "2"
    "n"s;
const auto update_full_bytes =
    "U\0\0\x40\0O\0\2t\0\0\0\1"
    "1"
    "nN\0\2t\0\0\0\1"
    "1"
    "t\0\0\0\1x"s;
const auto delete_bytes =
    "D\0\0\x40\0K\0\2t\0\0\0\1"
    "1"
    "n"s;
const auto truncate_bytes = "T\0\0\0\1\0\0\0\x40\0"s;
const auto commit_bytes = "C\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\x30\0\0\0\0\0\0\0\1"s;

result<void> give(decoder& to, std::uint64_t at, std::string_view bytes) {
  return to.decode(lsn{at}, as_byte_view(bytes));
}

TEST(pgoutput_decoder, tells_a_transaction_in_the_order_of_its_messages) {
  telling_sink sink;
  decoder to(sink);
  for (const auto& [at, bytes] :
       std::vector<std::pair<std::uint64_t, std::string>>{{0x100, begin_bytes},
                                                          {0x100, relation_bytes},
                                                          {0x100, insert_bytes},
                                                          {0x200, update_bytes},
                                                          {0x300, update_key_bytes},
                                                          {0x400, update_full_bytes},
                                                          {0x500, delete_bytes},
                                                          {0x600, truncate_bytes},
                                                          {0x1000, commit_bytes}}) {
    const auto decoded = give(to, at, bytes);
    ASSERT_TRUE(decoded) << decoded.error().message();
  }
  EXPECT_EQ(sink.lines, (std::vector<std::string>{
                            "begin 0/1000 946684800000001 xid 7",
                            "relation 16384 public.notes d *id:23 text:25",
                            "create 16384 at 0/100.0 before 0 () after (1 hi)",
                            "update 16384 at 0/200.0 before 0 () after (1 unchanged)",
                            "update 16384 at 0/300.0 before 1 (1 null) after (2 null)",
                            "update 16384 at 0/400.0 before 2 (1 null) after (1 x)",
                            "delete 16384 at 0/500.0 before 1 (1 null) after ()",
                            "truncate 16384 at 0/600.16384 before 0 () after ()",
                            "commit 0/1000 end 0/1030",
                        }));
}

TEST(pgoutput_decoder,
     leaves_out_a_change_that_cannot_be_read_where_that_is_ordered_and_nothing_else) {
  // Two rows of one record, of which the second cannot be read, then a third, and a TRUNCATE cut
  // short.
  auto bad_bytes = insert_bytes;
  bad_bytes[8] = '?';
  const auto read = [&](std::vector<change_place> passed_over, telling_sink& sink,
                        std::vector<change_place>& told) {
    decoder to(sink);
    to.reset(std::move(passed_over),
             [&](const change_place& place, const error&) { told.push_back(place); });
    for (const auto& [at, bytes] :
         std::vector<std::pair<std::uint64_t, std::string>>{{0x100, begin_bytes},
                                                            {0x100, relation_bytes},
                                                            {0x200, insert_bytes},
                                                            {0x200, bad_bytes},
                                                            {0x200, insert_bytes},
                                                            {0x300, "T\0\0"s},
                                                            {0x1000, commit_bytes}}) {
      if (auto decoded = give(to, at, bytes); !decoded) {
        EXPECT_EQ(decoded.error().code, errc::protocol);
        EXPECT_NE(decoded.error().next.find("pulse gaps skip " + to_string(lsn{at})),
                  std::string::npos)
            << decoded.error().next;
        return to.failed_change();
      }
    }
    return to.failed_change();
  };
  constexpr change_place row{lsn{0x1000}, lsn{0x200}, 1};
  constexpr change_place truncate{lsn{0x1000}, lsn{0x300}, 0xFFFFFFFF};
  telling_sink stopped;
  std::vector<change_place> told;
  using undecoded = decoder::undecoded_change;
  EXPECT_EQ(read({{lsn{0x1000}, lsn{0x200}, 0}, {lsn{0x2000}, lsn{0x200}, 1}}, stopped, told),
            (undecoded{row, 16384}));
  EXPECT_EQ(read({row}, stopped, told), (undecoded{truncate, {}}))
      << "of which tables is not known";
  EXPECT_EQ(told, std::vector{row});
  telling_sink whole;
  told.clear();
  EXPECT_EQ(read({truncate, row}, whole, told), std::nullopt);
  EXPECT_EQ(told, (std::vector{row, truncate}));
  EXPECT_EQ(whole.lines, (std::vector<std::string>{
                             "begin 0/1000 946684800000001 xid 7",
                             "relation 16384 public.notes d *id:23 text:25",
                             "create 16384 at 0/200.0 before 0 () after (1 hi)",
                             "create 16384 at 0/200.2 before 0 () after (1 hi)",
                             "commit 0/1000 end 0/1030",
                         }));
}

// A row that is larger than the log takes, say, would stop capture for ever. What has nothing to
// do with the row must not lose it.
TEST(decoder, leaves_out_a_change_that_is_not_supported_and_none_that_failed_otherwise) {
  auto refused_bytes = insert_bytes;
  refused_bytes.replace(refused_bytes.size() - 2, 2, "no");
  constexpr change_place row{lsn{0x1000}, lsn{0x200}, 1};
  for (const auto code : {errc::unsupported, errc::no_space, errc::io, errc::cancelled,
                          errc::invalid_argument, errc::corrupt, errc::unavailable}) {
    for (const bool ordered : {false, true}) {
      telling_sink sink;
      sink.refuses = error{code, "it is too large", "keep it out"};
      decoder to(sink);
      std::vector<change_place> told;
      to.reset(ordered ? std::vector{row} : std::vector<change_place>(),
               [&](const change_place& place, const error&) { told.push_back(place); });
      for (const auto& [at, bytes] : std::vector<std::pair<std::uint64_t, std::string>>{
               {0x100, begin_bytes}, {0x100, relation_bytes}, {0x200, insert_bytes}})
        ASSERT_TRUE(give(to, at, bytes));
      const auto refused = give(to, 0x200, refused_bytes);
      if (code != errc::unsupported) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, code);
        EXPECT_EQ(refused.error().message(), "it is too large; keep it out");
        EXPECT_EQ(to.failed_change(), std::nullopt);
      } else if (!ordered) {
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, code);
        EXPECT_EQ(refused.error().message(),
                  "table public.notes: it is too large; keep it out; to skip this change, run "
                  "`pulse gaps skip 0/200`");
        EXPECT_EQ(to.failed_change(), (decoder::undecoded_change{row, 16384}));
      } else {
        ASSERT_TRUE(refused) << refused.error().message();
        EXPECT_EQ(told, std::vector{row});
        ASSERT_TRUE(give(to, 0x200, insert_bytes));
        EXPECT_EQ(sink.lines.back(), "create 16384 at 0/200.2 before 0 () after (1 hi)");
      }
    }
  }
}

// Whatever else of the record is published: the same table has the same place.
TEST(pgoutput_decoder, each_table_of_a_truncate_has_its_oid_as_its_number) {
  telling_sink sink;
  decoder to(sink);
  ASSERT_TRUE(give(to, 0x100, begin_bytes));
  ASSERT_TRUE(give(to, 0x100, relation_bytes));
  auto other = relation_bytes;
  other[4] = '\x01';
  ASSERT_TRUE(give(to, 0x100, other));
  ASSERT_TRUE(give(to, 0x600, "T\0\0\0\2\1\0\0\x40\1\0\0\x40\0"s));
  ASSERT_EQ(sink.lines.size(), 5U);
  EXPECT_EQ(sink.lines[3], "truncate 16384 at 0/600.16384 before 0 () after ()");
  EXPECT_EQ(sink.lines[4], "truncate 16385 at 0/600.16385 before 0 () after ()");
  EXPECT_FALSE(give(to, 0x700, "T\0\0\0\1\0\0\0\x40\2"s)) << "a table never described";
}

TEST(pgoutput_decoder, rows_of_one_wal_record_are_numbered) {
  telling_sink sink;
  decoder to(sink);
  ASSERT_TRUE(give(to, 0x100, begin_bytes));
  ASSERT_TRUE(give(to, 0x100, relation_bytes));
  for (const std::uint64_t at : {0x100U, 0x100U, 0x100U, 0x180U, 0x180U})
    ASSERT_TRUE(give(to, at, insert_bytes));
  std::vector<std::string> places;
  for (const auto& line : sink.lines) {
    if (line.starts_with("create")) places.push_back(line.substr(16, 7));
  }
  EXPECT_EQ(places,
            (std::vector<std::string>{"0/100.0", "0/100.1", "0/100.2", "0/180.0", "0/180.1"}));
}

TEST(pgoutput_decoder, what_the_protocol_does_not_allow_is_said_with_its_place) {
  const auto fails = [](const std::vector<std::string>& before, const std::string& bytes,
                        std::string_view says) {
    telling_sink sink;
    decoder to(sink);
    for (const auto& one : before) ASSERT_TRUE(give(to, 0x100, one));
    const auto decoded = give(to, 0xABC, bytes);
    ASSERT_FALSE(decoded) << says;
    EXPECT_EQ(decoded.error().code, errc::protocol);
    EXPECT_NE(decoded.error().what.find(says), std::string::npos) << decoded.error().what;
    EXPECT_NE(decoded.error().what.find("0/ABC"), std::string::npos);
  };
  fails({}, insert_bytes, "outside a transaction");
  fails({}, commit_bytes, "outside a transaction");
  fails({begin_bytes}, begin_bytes, "inside another");
  fails({begin_bytes}, insert_bytes, "not described");
  fails({begin_bytes, relation_bytes}, insert_bytes + "x",
        "table public.notes: bytes are left after the row");
  fails({begin_bytes, relation_bytes}, insert_bytes.substr(0, insert_bytes.size() - 1),
        "table public.notes: a row ends before its last column");
  fails({begin_bytes, relation_bytes}, "I\0\0\x40\0N\0\1n"s,
        "table public.notes: a row of 1 columns, where the table was described with 2");
  fails({}, "Z", "unknown type");
}

TEST(pgoutput_decoder, a_message_cut_anywhere_is_refused) {
  for (const auto& whole :
       {begin_bytes, relation_bytes, insert_bytes, update_bytes, update_key_bytes,
        update_full_bytes, delete_bytes, truncate_bytes, commit_bytes}) {
    for (std::size_t size = 1; size < whole.size(); ++size) {
      telling_sink sink;
      decoder to(sink);
      if (whole[0] != 'B') {
        ASSERT_TRUE(give(to, 0x100, begin_bytes));
      }
      if (whole[0] != 'R') {
        ASSERT_TRUE(give(to, 0x100, relation_bytes));
      }
      EXPECT_FALSE(give(to, 0x100, whole.substr(0, size))) << whole[0] << " cut to " << size;
    }
  }
}

const auto message_bytes =
    "M\1\0\0\0\0\0\0\0\x88pulse.ddl\0\0\0\0\5"
    "16384"s;

TEST(pgoutput_decoder, hands_on_a_logical_message_of_a_transaction_only) {
  telling_sink sink;
  decoder to(sink);
  auto alone = message_bytes;
  alone[1] = 0;  // not transactional
  ASSERT_TRUE(give(to, 0x80, alone));
  ASSERT_TRUE(give(to, 0x100, begin_bytes));
  ASSERT_TRUE(give(to, 0x120, message_bytes));
  EXPECT_EQ(sink.lines.back(), "message pulse.ddl at 0/120: 16384");
  EXPECT_EQ(sink.lines.size(), 2U);
}

TEST(pgoutput_decoder, hands_on_only_messages_for_capture_of_a_transaction_that_is_open) {
  class keeping_sink final : public streamed_sink {
   public:
    result<void> on_block_start(std::uint32_t, bool) override { return {}; }
    result<void> on_streamed(const streamed_message& message) override {
      bodies.emplace_back(as_text(message.body));
      return {};
    }
    result<void> on_block_end() override { return {}; }
    result<void> on_stream_commit(const transaction_begin&, const transaction_commit&) override {
      return {};
    }
    result<void> on_stream_abort(std::uint32_t, std::uint32_t) override { return {}; }
    std::vector<std::string> bodies;
  };
  telling_sink sink;
  keeping_sink streamed;
  decoder to(sink, &streamed);
  const auto in_block = [](std::string bytes) { return bytes.insert(1, "\0\0\0\7"s); };
  auto others = message_bytes;
  others[10] = 'x';  // another prefix
  ASSERT_TRUE(give(to, 0x100, "S\0\0\0\7\1"s));
  ASSERT_TRUE(give(to, 0x100, in_block(others)));
  ASSERT_TRUE(give(to, 0x110, in_block(message_bytes)));
  ASSERT_EQ(streamed.bodies, std::vector<std::string>{message_bytes.substr(1)});
  ASSERT_TRUE(to.replay_begin({lsn{0x1000}, {}, 7}));
  ASSERT_TRUE(to.replay(lsn{0x110}, 'M', as_byte_view(streamed.bodies.front())));
  EXPECT_EQ(sink.lines.back(), "message pulse.ddl at 0/110: 16384");
}

RC_GTEST_PROP(pgoutput_decoder, any_row_of_texts_comes_out_as_it_went_in, ()) {
  const auto values = *rc::gen::container<std::vector<std::string>>(rc::gen::string<std::string>());
  telling_sink sink;
  decoder to(sink);
  auto described = "R\0\0\x40\0public\0notes\0d"s;
  append_big(described, static_cast<std::uint16_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
    described += "\0text\0\0\0\0\x19\xff\xff\xff\xff"s;
  RC_ASSERT(give(to, 0x100, begin_bytes).has_value());
  RC_ASSERT(give(to, 0x100, described).has_value());
  RC_ASSERT(give(to, 0x100, "I\0\0\x40\0N"s + testing::text_tuple(values)).has_value());
  std::string expected;
  for (const auto& value : values) expected += (expected.empty() ? "" : " ") + value;
  RC_ASSERT(sink.lines.back().find("after (") != std::string::npos);
  RC_ASSERT(sink.lines.back().substr(0, 6) == "create");
}

TEST(copy_data, xlog_data_and_keepalives_are_told_apart) {
  const auto data =
      parse_copy_data(as_byte_view("w\0\0\0\0\0\0\1\0"
                                   "12345678"
                                   "12345678"
                                   "payload"sv));
  ASSERT_TRUE(data);
  EXPECT_EQ(std::get<xlog_data>(*data).wal_start, lsn{0x100});
  EXPECT_EQ(as_text(std::get<xlog_data>(*data).message), "payload");
  const auto alive =
      parse_copy_data(as_byte_view("k\0\0\0\0\0\0\2\0"
                                   "12345678"
                                   "\1"sv));
  ASSERT_TRUE(alive);
  EXPECT_EQ(std::get<keepalive>(*alive).wal_end, lsn{0x200});
  EXPECT_TRUE(std::get<keepalive>(*alive).reply_requested);
  EXPECT_FALSE(parse_copy_data(as_byte_view("k\0\0"sv)));
  EXPECT_FALSE(
      parse_copy_data(as_byte_view("w\0\0\0\0\0\0\1\0"
                                   "12345678"
                                   "12345678"sv)));
  EXPECT_FALSE(parse_copy_data(as_byte_view("x"sv)));
  EXPECT_FALSE(parse_copy_data({}));
}

TEST(copy_data, a_status_update_is_laid_out_as_the_manual_says) {
  const auto bytes = format_status_update({lsn{3}, lsn{2}, lsn{1}, true}, from_postgres_time(5));
  EXPECT_EQ(as_text(bytes),
            "r\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\5\1"sv);
}

}  // namespace
}  // namespace pulse::pgoutput

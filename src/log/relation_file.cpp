#include "log/relation_file.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "change/type_catalog.hpp"
#include "log/crc32c.hpp"

namespace pulse::log {
namespace {

constexpr const char* relations_file_name = "relations";
// Magic number "RELN" (u32), payload size (u32), crc32c of the payload (u32).
constexpr std::uint32_t record_magic = 0x4E4C4552;
constexpr std::size_t record_header_bytes = 12;
// named_table was written before tables had OIDs, relation_1 before there were types with parts;
// they are read, not written.
enum class record_kind : std::uint8_t {
  named_table = 1,
  relation_1 = 2,
  relation = 3,
  table = 4,
  database = 5
};

void put_text(std::string& to, std::string_view text) {
  append_little(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

// Reads what the functions above wrote; a damaged record gives ok() == false.
class record_reader {
 public:
  explicit record_reader(byte_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  T number() {
    if (rest_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    const auto value = load_little<T>(rest_.data());
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  std::string text() {
    const auto size = number<std::uint32_t>();
    if (rest_.size() < size) {
      fail();
      return {};
    }
    std::string value(as_text(rest_.first(size)));
    rest_ = rest_.subspan(size);
    return value;
  }

  bool ok() const { return ok_; }
  void fail() {
    ok_ = false;
    rest_ = {};
  }
  // The bytes are whole: only a newer version writes such a thing.
  void fail_at_unknown(std::string_view what) {
    if (ok_) unknown_ = what;
    fail();
  }

  // Why it is not ok(), of a record that is `what`.
  error why(std::string_view what) const {
    if (unknown_.empty()) return {errc::corrupt, fmt::format("{} is cut short", what), {}};
    return {errc::corrupt, fmt::format("{} has {} that this version does not know", what, unknown_),
            "use the version of Pulse that wrote it, or a newer one"};
  }

 private:
  byte_view rest_;
  bool ok_ = true;
  std::string_view unknown_;
};

// Types consist of types: deeper than this is damage (type_catalog goes 64 deep).
constexpr int type_depth_max = 128;

void put_type(std::string& to, const column_type& type) {
  append_little(to, type.oid);
  append_little(to, static_cast<std::uint32_t>(type.modifier));
  put_text(to, type.name);
  to += static_cast<char>(type.kind);
  to += type.is_list ? '\1' : '\0';
  to += type.delimiter;
  append_little(to, static_cast<std::uint32_t>(type.parts.size()));
  for (const auto& part : type.parts) {
    put_text(to, part.name);
    put_type(to, part.type);
  }
}

// Parts that are kept of what an earlier version has written, which had no bound.
struct kept_parts {
  std::size_t left = table_type_parts_max;
  std::size_t of_column = 0;

  bool keep() {
    ++of_column;
    return of_column <= type_parts_max && of_column <= left;
  }
};

column_type take_type(record_reader& reader, record_kind form, kept_parts& kept, int depth = 0) {
  column_type type;
  if (depth > type_depth_max) reader.fail();
  type.oid = reader.number<std::uint32_t>();
  type.modifier = static_cast<std::int32_t>(reader.number<std::uint32_t>());
  type.name = reader.text();
  const auto kind = value_kind_of(reader.number<std::uint8_t>());
  if (!kind) reader.fail_at_unknown("a kind of values");
  type.kind = kind.value_or(value_kind::other);
  type.is_list = reader.number<std::uint8_t>() != 0;
  type.delimiter = static_cast<char>(reader.number<std::uint8_t>());
  if (form == record_kind::relation_1) return type;
  const auto parts = reader.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < parts && reader.ok(); ++i) {
    auto name = reader.text();
    auto part = take_type(reader, form, kept, depth + 1);
    if (kept.keep()) type.parts.push_back({std::move(name), std::move(part)});
  }
  return type;
}

// A column's, as type_catalog would resolve it: text when it has too many parts.
column_type take_column_type(record_reader& reader, record_kind form, kept_parts& kept) {
  kept.of_column = 0;
  auto type = take_type(reader, form, kept);
  if (kept.of_column > type_parts_max || kept.of_column > kept.left) {
    type.kind = value_kind::other;
    type.parts.clear();
  } else {
    kept.left -= kept.of_column;
  }
  return type;
}

error out_of_turn(std::string_view what, std::uint32_t number) {
  return {errc::corrupt, fmt::format("{} {} does not continue the records before it", what, number),
          "restore the file from a backup"};
}

// The payload of the whole record at `offset`, when there is one.
std::optional<byte_view> record_at(byte_view file, std::uint64_t offset) {
  const auto rest = file.subspan(offset);
  if (rest.size() < record_header_bytes ||
      load_little<std::uint32_t>(rest.data()) != record_magic) {
    return std::nullopt;
  }
  const std::size_t size = load_little<std::uint32_t>(rest.data() + 4);
  if (size > rest.size() - record_header_bytes) return std::nullopt;
  const auto payload = rest.subspan(record_header_bytes, size);
  if (crc32c(payload) != load_little<std::uint32_t>(rest.data() + 8)) return std::nullopt;
  return payload;
}

}  // namespace

result<std::unique_ptr<relation_file>> relation_file::open(storage& files) {
  auto listed = files.list();
  if (!listed) return listed.error();
  const bool there = std::ranges::find(*listed, relations_file_name) != listed->end();
  auto file = there ? files.open(relations_file_name) : files.create(relations_file_name);
  if (!file) return file.error();
  std::unique_ptr<relation_file> opened(new relation_file(std::move(file).value()));
  if (auto loaded = opened->load(files.project()); !loaded)
    return wrap("cannot open the file 'relations'", loaded.error());
  if (auto anew = write_anew(*opened->file_, opened->last_record_, opened->end_); !anew)
    return anew.error();
  if (auto synced = opened->file_->sync(); !synced) return synced.error();
  if (auto synced = files.sync_directory(); !synced) return synced.error();
  return opened;
}

result<void> relation_file::load(const std::string& project) {
  const auto size = file_->size();
  if (!size) return size.error();
  std::string bytes(*size, '\0');
  const auto got = file_->read_at(0, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
  if (!got) return got.error();
  const auto all = as_byte_view(bytes).first(*got);
  for (auto payload = record_at(all, end_); payload; payload = record_at(all, end_)) {
    if (auto taken = take_record(*payload); !taken) return taken.error();
    last_record_ = end_;
    end_ += record_header_bytes + payload->size();
  }
  if (end_ == all.size()) return {};
  // A record is durable before the next is written, so only the last can be torn.
  for (auto later = end_ + 1; later < all.size(); ++later) {
    if (!record_at(all, later)) continue;
    return error{errc::corrupt,
                 fmt::format("the record at byte {} is damaged, and the one at byte {} is whole",
                             end_, later),
                 "restore the file from a backup"};
  }
  log_warning("log", "last table definition incomplete, and not needed by any event: it is removed",
              {{"project", project}, {"offset", end_}, {"bytes", all.size() - end_}});
  return file_->truncate(end_);
}

result<void> relation_file::take_record(byte_view payload) {
  record_reader reader(payload);
  const auto kind = static_cast<record_kind>(reader.number<std::uint8_t>());
  const auto number = reader.number<std::uint32_t>();
  if (kind == record_kind::database) {
    const auto database = reader.text();
    if (!reader.ok()) return reader.why("a database record");
    restore(database);
    return {};
  }
  relation definition;
  definition.table.schema = reader.text();
  definition.table.name = reader.text();
  if (kind != record_kind::named_table && kind != record_kind::table &&
      kind != record_kind::relation_1 && kind != record_kind::relation) {
    return error{errc::corrupt, "unknown kind of record",
                 "use the version of Pulse that wrote it, or a newer one"};
  }
  if (kind == record_kind::named_table || kind == record_kind::table) {
    if (kind == record_kind::table) definition.oid = reader.number<std::uint32_t>();
    if (!reader.ok()) return reader.why("a table record");
    if (!restore(table_numbers::entry{number, definition.oid, definition.table}))
      return out_of_turn("table number", number);
    return {};
  }
  definition.oid = reader.number<std::uint32_t>();
  definition.identity = static_cast<replica_identity>(reader.number<std::uint8_t>());
  const auto columns = reader.number<std::uint32_t>();
  kept_parts kept;
  for (std::uint32_t i = 0; i < columns && reader.ok(); ++i) {
    column one;
    one.name = reader.text();
    one.in_identity = reader.number<std::uint8_t>() != 0;
    one.type = take_column_type(reader, kind, kept);
    definition.columns.push_back(std::move(one));
  }
  if (!reader.ok()) return reader.why("a definition record");
  if (!restore(definition, number)) return out_of_turn("version", number);
  return {};
}

result<void> relation_file::keep(const table_numbers::entry& changed) {
  std::string payload(1, static_cast<char>(record_kind::table));
  append_little(payload, changed.table);
  put_text(payload, changed.name.schema);
  put_text(payload, changed.name.name);
  append_little(payload, changed.oid);
  return add_record(payload);
}

result<void> relation_file::keep(const std::string& database) {
  std::string payload(1, static_cast<char>(record_kind::database));
  append_little(payload, std::uint32_t{0});
  put_text(payload, database);
  return add_record(payload);
}

result<void> relation_file::keep(const relation& definition, relation_version version) {
  std::string payload(1, static_cast<char>(record_kind::relation));
  append_little(payload, version);
  put_text(payload, definition.table.schema);
  put_text(payload, definition.table.name);
  append_little(payload, definition.oid);
  payload += static_cast<char>(definition.identity);
  append_little(payload, static_cast<std::uint32_t>(definition.columns.size()));
  for (const auto& one : definition.columns) {
    put_text(payload, one.name);
    payload += one.in_identity ? '\1' : '\0';
    put_type(payload, one.type);
  }
  return add_record(payload);
}

result<void> relation_file::add_record(const std::string& payload) {
  std::string record;
  append_little(record, record_magic);
  append_little(record, static_cast<std::uint32_t>(payload.size()));
  append_little(record, crc32c(as_byte_view(payload)));
  record += payload;
  auto kept = file_->write_at(end_, as_byte_view(record));
  if (kept) kept = file_->sync();
  if (!kept) {
    // All or part of it may be there: a shorter record must not be followed by its rest.
    if (auto cut = file_->truncate(end_); !cut) return cut.error();
    return kept.error();
  }
  end_ += record.size();
  return {};
}

}  // namespace pulse::log

#include "log/recovery.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/logging.hpp"

namespace pulse::log {
namespace {

// As much of a segment as its first block takes, unless that is one of very large rows.
constexpr std::uint64_t first_block_bytes_max = std::uint64_t{16} << 20U;

result<std::vector<std::string>> segment_names(storage& files) {
  auto listed = files.list();
  if (!listed) return listed.error();
  std::vector<std::string> names;
  for (const auto& name : *listed) {
    if (name == spare_name) {
      if (auto removed = files.remove(name); !removed) return removed.error();
    } else if (parse_segment_name(name)) {
      names.push_back(name);
    }
  }
  std::ranges::sort(names);
  return names;
}

// A damaged header says again what the segment before it, its name and its first block say.
result<segment_header> header_of(const std::string& project, const storage_file& file,
                                 const std::string& name, const log_state* before) {
  auto header = read_segment_header(file);
  if (header || header.error().code != errc::corrupt) return header;
  const auto size = file.size();
  if (!size) return size.error();
  std::string bytes(std::min<std::uint64_t>(*size, first_block_bytes_max), '\0');
  const auto got = file.read_at(0, {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
  if (!got) return got.error();
  const auto first = *got <= segment_header_bytes
                         ? result<block_header>(header.error())
                         : whole_block(as_byte_view(bytes).subspan(segment_header_bytes));
  if (!first) return header;
  log_error("log", "segment header damaged: recovered from its first block",
            {{"project", project}, {"segment", name}});
  segment_header found;
  found.first_sequence = first->facts.first_sequence;
  found.checksum = first->place.previous_checksum;
  found.salt = first->place.salt;
  if (before != nullptr) {
    found.before = *before;
  } else if (found.first_sequence > 1) {
    found.before.last_sequence = found.first_sequence - 1;
    found.before.last_at = last_before(first->facts);
  }
  return found;
}

// A segment that is not the newest: its seal says it all. Without one, its blocks and the state at
// the next one's start do.
result<segment_record> recover_sealed(storage& files, const std::string& name,
                                      const log_state* before, const std::string* next) {
  auto file = files.open(name);
  if (!file) return file.error();
  segment_record segment;
  segment.name = name;
  const auto header = header_of(files.project(), **file, name, before);
  if (!header) return wrap("segment " + name, header.error());
  segment.header = *header;
  const auto size = (*file)->size();
  if (!size) return size.error();
  segment.file_bytes = *size;
  segment.sealed = true;
  const auto seal = read_trailer(**file);
  if (seal) {
    segment.seal = *seal;
    segment.summary = seal->summary;
    segment.index_on_disk = true;
    return segment;
  }
  if (seal.error().code != errc::not_found || next == nullptr) return seal.error();
  log_warning("log", "segment seal damaged: index rebuilt from its blocks",
              {{"project", files.project()}, {"segment", name}});
  const auto behind = files.open(*next);
  if (!behind) return behind.error();
  const auto end = read_segment_header(**behind);
  if (!end) return wrap("segment " + *next, end.error());
  auto scanned = scan_sealed_segment(**file, segment.header, end->before);
  if (!scanned) return scanned.error();
  segment.summary = scanned->summary;
  segment.index = std::make_shared<const run_index>(std::move(scanned->index));
  return segment;
}

result<segment_writer::position_in_file> recover_newest(storage& files, segment_store& store,
                                                        const std::string& name,
                                                        const log_state* before,
                                                        const segment_log_options& options) {
  auto opened = files.open(name);
  if (!opened) return opened.error();
  const std::shared_ptr<storage_file> file = std::move(opened).value();
  if (const auto seal = read_trailer(*file); seal) {
    auto segment = recover_sealed(files, name, before, nullptr);
    if (!segment) return segment.error();
    if (auto anew = write_anew(*file, seal->index_offset, segment->file_bytes); !anew)
      return anew.error();
    if (auto synced = file->sync(); !synced) return synced.error();
    segment_writer::position_in_file at;
    at.file = file;
    at.sealed = true;
    store.add_segment(std::move(*segment), file);
    return at;
  }
  segment_record segment;
  segment.name = name;
  const auto header = header_of(files.project(), *file, name, before);
  if (!header) return wrap("segment " + name, header.error());
  segment.header = *header;
  auto scanned = scan_segment(*file, segment.header);
  if (!scanned) return scanned.error();
  if (scanned->torn_bytes != 0) {
    log_warning("log", "last write incomplete, and not confirmed: its bytes are removed",
                {{"project", files.project()},
                 {"segment", name},
                 {"offset", scanned->end},
                 {"bytes", scanned->torn_bytes}});
  }
  // Truncating first makes what follows read as zeros again.
  if (auto cut = file->truncate(scanned->end); !cut) return cut.error();
  const auto certain = std::min(scanned->durable_through, scanned->end);
  if (auto anew = write_anew(*file, certain, scanned->end); !anew) return anew.error();
  segment_writer::position_in_file at;
  at.file = file;
  at.offset = scanned->end;
  at.last_checksum = scanned->last_checksum;
  at.salt = header->salt;
  at.file_bytes = std::max(options.segment_bytes, scanned->end);
  if (auto room = file->preallocate(at.file_bytes); !room) {
    if (room.error().code != errc::no_space) return room.error();
    // The writer waits for room; what is there can be read meanwhile.
    at.file_bytes = scanned->end;
  }
  if (auto synced = file->sync(); !synced) return synced.error();
  segment.summary = scanned->summary;
  segment.file_bytes = at.file_bytes;
  store.add_segment(std::move(segment), file);
  store.adopt_index(std::move(scanned->index));
  return at;
}

}  // namespace

result<segment_writer::position_in_file> recover(storage& files, segment_store& store,
                                                 const segment_log_options& options) {
  const auto names = segment_names(files);
  if (!names) return names.error();
  if (names->empty()) return segment_writer::make_segment(files, store, {}, options.segment_bytes);

  log_state before;
  const auto follows = [&](const segment_header& header, const std::string& name) -> result<void> {
    if (name == names->front() || header.before.last_sequence == before.last_sequence) return {};
    return error{errc::corrupt,
                 fmt::format("a segment is missing: segment {} starts after event {}, and the "
                             "previous one ends with event {}",
                             name, header.before.last_sequence, before.last_sequence),
                 "restore the missing segment from a backup"};
  };
  for (std::size_t i = 0; i + 1 < names->size(); ++i) {
    auto segment = recover_sealed(files, (*names)[i], i == 0 ? nullptr : &before, &(*names)[i + 1]);
    if (!segment) return segment.error();
    if (auto in_order = follows(segment->header, segment->name); !in_order) return in_order.error();
    before = segment->summary.end;
    store.add_segment(std::move(*segment), nullptr);
  }
  // Before anything is changed.
  const auto newest = files.open(names->back());
  if (!newest) return newest.error();
  const auto* known = names->size() == 1 ? nullptr : &before;
  const auto header = header_of(files.project(), **newest, names->back(), known);
  if (!header) return wrap("segment " + names->back(), header.error());
  if (auto in_order = follows(*header, names->back()); !in_order) return in_order.error();
  auto at = recover_newest(files, store, names->back(), known, options);
  if (!at) return at.error();
  if (auto synced = files.sync_directory(); !synced) return synced.error();
  return at;
}

}  // namespace pulse::log

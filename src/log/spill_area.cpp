#include "log/spill_area.hpp"

#include <algorithm>
#include <utility>

namespace pulse::log {
namespace {

constexpr std::size_t block_bytes = std::size_t{256} << 10U;

// Before each message's body: its size, its LSN, its subtransaction and its type.
constexpr std::size_t header_bytes = 4 + 8 + 4 + 1;

constexpr std::string_view suffix = ".spill";

std::string spill_file_name(std::uint32_t xid) {
  return std::to_string(xid) + std::string(suffix);
}

}  // namespace

result<std::unique_ptr<spill_area>> spill_area::open(std::unique_ptr<storage> files) {
  const auto names = files->list();
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (!name.ends_with(suffix)) continue;
    if (auto removed = files->remove(name); !removed) return removed.error();
  }
  return std::unique_ptr<spill_area>(new spill_area(std::move(files)));
}

void spill_area::begin(std::uint32_t xid) {
  transactions_.try_emplace(xid);
}

result<void> spill_area::append(const streamed_message& message) {
  if (!transactions_.contains(message.xid)) {
    return error{errc::not_found,
                 "a message of transaction " + std::to_string(message.xid) + " at " +
                     to_string(message.at) + ", whose start PostgreSQL did not stream",
                 "report this with PostgreSQL's version"};
  }
  if (current_ != message.xid) {
    if (auto flushed = flush(); !flushed) return flushed;
    current_file_.reset();
    current_ = message.xid;
  }
  append_big(buffer_, static_cast<std::uint32_t>(message.body.size()));
  append_big(buffer_, message.at.value);
  append_big(buffer_, message.subxid);
  buffer_ += message.type;
  buffer_ += as_text(message.body);
  return buffer_.size() < block_bytes ? result<void>() : flush();
}

result<void> spill_area::flush() {
  if (buffer_.empty()) {
    out_of_space_ = false;
    return {};
  }
  auto& to = transactions_.at(current_);
  const auto attempt = [&]() -> result<void> {
    if (!current_file_) {
      auto opened = to.has_file ? files_->open(spill_file_name(current_))
                                : files_->create(spill_file_name(current_));
      if (!opened) return opened.error();
      to.has_file = true;
      current_file_ = std::move(opened).value();
    }
    return current_file_->write_at(to.bytes, as_byte_view(buffer_));
  };
  if (auto written = attempt(); !written) {
    out_of_space_ = written.error().code == errc::no_space;
    return out_of_space_ ? result<void>() : wrap("spilling a transaction", written.error());
  }
  out_of_space_ = false;
  to.bytes += buffer_.size();
  stored_bytes_ += buffer_.size();
  buffer_.clear();
  // One row may have been far larger than all others.
  if (buffer_.capacity() > 4 * block_bytes) buffer_.shrink_to_fit();
  return {};
}

void spill_area::abort_part(std::uint32_t xid, std::uint32_t subxid) {
  const auto found = transactions_.find(xid);
  if (found != transactions_.end()) found->second.aborted.push_back(subxid);
}

result<void> spill_area::remove(std::uint32_t xid) {
  const auto found = transactions_.find(xid);
  if (found == transactions_.end()) return {};
  const auto gone = std::move(found->second);
  transactions_.erase(found);
  if (current_ == xid) {
    current_ = 0;
    current_file_.reset();
    buffer_.clear();
    out_of_space_ = false;
  }
  stored_bytes_ -= gone.bytes;
  return gone.has_file ? files_->remove(spill_file_name(xid)) : result<void>();
}

result<void> spill_area::clear() {
  while (!transactions_.empty()) {
    if (auto removed = remove(transactions_.begin()->first); !removed) return removed;
  }
  return {};
}

result<std::unique_ptr<spill_area::reader>> spill_area::read(std::uint32_t xid) {
  const auto found = transactions_.find(xid);
  if (found == transactions_.end()) {
    return error{errc::not_found,
                 "transaction " + std::to_string(xid) +
                     " has committed, and nothing of it was streamed before",
                 "report this with PostgreSQL's version"};
  }
  auto made = std::make_unique<reader>();
  made->name_ = spill_file_name(xid);
  made->size_ = found->second.bytes;
  made->aborted_ = found->second.aborted;
  std::ranges::sort(made->aborted_);
  if (made->size_ != 0) {
    auto opened = files_->open(made->name_);
    if (!opened) return opened.error();
    made->file_ = std::move(opened).value();
  }
  return made;
}

// Makes `bytes` that have not been handed out stand in the buffer; false at the end of the file.
result<bool> spill_area::reader::have(std::size_t bytes) {
  if (end_ - begin_ >= bytes) return true;
  const auto left = end_ - begin_ + (size_ - offset_);
  if (left == 0) return false;
  // Before room is made: a damaged size can be anything.
  if (left < bytes) return cut_short();
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
            buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
  end_ -= std::exchange(begin_, 0);
  buffer_.resize(std::max(bytes, block_bytes));
  const auto wanted = std::min<std::uint64_t>(buffer_.size() - end_, size_ - offset_);
  const auto got = wanted == 0 ? result<std::size_t>(0)
                               : file_->read_at(offset_, std::span(buffer_).subspan(end_, wanted));
  if (!got) return got.error();
  offset_ += *got;
  end_ += *got;
  if (end_ >= bytes) return true;
  return cut_short();
}

error spill_area::reader::cut_short() const {
  return {errc::corrupt, "the spilled transaction in " + name_ + " is incomplete",
          "check the disk; capture starts again by itself"};
}

result<const streamed_message*> spill_area::reader::next() {
  for (;;) {
    if (const auto header = have(header_bytes); !header || !*header) {
      return header ? result<const streamed_message*>(nullptr) : header.error();
    }
    const std::size_t size = load_big<std::uint32_t>(buffer_.data() + begin_);
    if (const auto whole = have(header_bytes + size); !whole) return whole.error();
    const auto* at = buffer_.data() + begin_;
    begin_ += header_bytes + size;
    message_.at = lsn{load_big<std::uint64_t>(at + 4)};
    message_.subxid = load_big<std::uint32_t>(at + 12);
    message_.type = static_cast<char>(at[16]);
    message_.body = byte_view(at + header_bytes, size);
    if (!std::ranges::binary_search(aborted_, message_.subxid)) return &message_;
  }
}

}  // namespace pulse::log

#include "server/websocket/deflate.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <vector>
#include <zlib.h>

#include <boost/algorithm/string/predicate.hpp>
#include <boost/algorithm/string/trim.hpp>

namespace pulse::server {
namespace {

// A window of 32 KiB, without zlib's own header (RFC 7692, section 7.2).
constexpr int raw_window_bits = -15;
// Every compressed message would end with these bytes: they are left out (section 7.2.1).
constexpr std::string_view tail{"\x00\x00\xff\xff", 4};

std::string_view take_until(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::string trimmed(std::string_view text) {
  return boost::algorithm::trim_copy(std::string(text));
}

// One offer: a name and its parameters.
bool is_acceptable(std::string_view offer) {
  if (!boost::algorithm::iequals(trimmed(take_until(offer, ';')), "permessage-deflate"))
    return false;
  std::vector<std::string> named;
  while (!offer.empty()) {
    auto parameter = take_until(offer, ';');
    const auto name = trimmed(take_until(parameter, '='));
    // RFC 7692, section 7: an offer that has one twice is declined.
    if (std::ranges::find(named, name) != named.end()) return false;
    named.push_back(name);
    if (name == "client_no_context_takeover" || name == "server_no_context_takeover") continue;
    // The client may use any window it likes. The server's is the largest: what asks for less is
    // declined.
    if (name == "client_max_window_bits") continue;
    if (name == "server_max_window_bits" && trimmed(parameter) == "15") continue;
    return false;
  }
  return true;
}

void feed(z_stream& stream, std::string_view input) {
  // zlib does not write to it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
}

}  // namespace

std::string_view answer_to_offer(std::string_view offered_extensions) {
  while (!offered_extensions.empty()) {
    if (is_acceptable(take_until(offered_extensions, ',')))
      return "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  }
  return {};
}

message_deflater::message_deflater() : stream_(new z_stream{}) {
  if (deflateInit2(stream_.get(), Z_BEST_SPEED, Z_DEFLATED, raw_window_bits, MAX_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
}

message_deflater::~message_deflater() {
  deflateEnd(stream_.get());
}

std::optional<std::string_view> message_deflater::compress(std::string_view message) {
  if (message.size() < bytes_min || message.size() > UINT32_MAX) return std::nullopt;
  if (message != last_message_) {
    deflateReset(stream_.get());
    last_message_ = message;
    last_compressed_.resize(deflateBound(stream_.get(), message.size()) + tail.size() + 1);
    feed(*stream_, message);
    stream_->next_out = reinterpret_cast<Bytef*>(last_compressed_.data());
    stream_->avail_out = static_cast<uInt>(last_compressed_.size());
    deflate(stream_.get(), Z_SYNC_FLUSH);
    last_compressed_.resize(last_compressed_.size() - stream_->avail_out - tail.size());
  }
  if (last_compressed_.size() > message.size() - message.size() / 8) return std::nullopt;
  return last_compressed_;
}

message_inflater::message_inflater() : stream_(new z_stream{}) {
  if (inflateInit2(stream_.get(), raw_window_bits) != Z_OK) throw std::bad_alloc();
}

message_inflater::~message_inflater() {
  inflateEnd(stream_.get());
}

result<std::string_view> message_inflater::inflate(std::string_view compressed,
                                                   std::size_t bytes_max) {
  inflateReset(stream_.get());
  message_.resize(bytes_max + 1);
  stream_->next_out = reinterpret_cast<Bytef*>(message_.data());
  stream_->avail_out = static_cast<uInt>(message_.size());
  for (const auto part : {compressed, tail}) {
    feed(*stream_, part);
    const int outcome = ::inflate(stream_.get(), Z_SYNC_FLUSH);
    if (stream_->avail_out == 0)
      return error{errc::invalid_argument, "a message larger than the limit"};
    // Z_BUF_ERROR: nothing was left to do. A message may end its stream by itself.
    if (outcome == Z_STREAM_END) break;
    if ((outcome != Z_OK && outcome != Z_BUF_ERROR) || stream_->avail_in != 0)
      return error{errc::protocol, "an invalid compressed message"};
  }
  return std::string_view(message_).substr(0, message_.size() - stream_->avail_out);
}

}  // namespace pulse::server

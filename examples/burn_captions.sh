#!/usr/bin/env bash
# Burns an ASS file into a video and puts the spoken audio under it.
#
#   examples/burn_captions.sh VIDEO AUDIO CAPTIONS.ass OUT.mp4
#
# VIDEO may be a picture. Without one of your own: VIDEO is `color` and a plain 1080x1920 picture is made.
# FFMPEG names another ffmpeg than the one on PATH; it needs libass (`ffmpeg -filters | grep ass`).
set -euo pipefail

video=${1:?usage: burn_captions.sh VIDEO AUDIO CAPTIONS.ass OUT.mp4}
audio=${2:?an audio file}
captions=${3:?an ASS file}
out=${4:?the video to write}

# A filter's argument has an escaping of its own; a plain name in a folder of ours needs none.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$captions" "$work/captions.ass"
absolute() { [[ $1 == /* ]] && echo "$1" || echo "$PWD/$1"; }  # macOS has no realpath -m
audio=$(absolute "$audio")
out=$(absolute "$out")
if [[ $video == color ]]; then
  input=(-f lavfi -i "color=c=0x203040:size=1080x1920:rate=30")
elif [[ $video =~ \.([Jj][Pp][Ee]?[Gg]|[Pp][Nn][Gg]|[Ww][Ee][Bb][Pp])$ ]]; then
  input=(-loop 1 -framerate 30 -i "$(absolute "$video")")
else
  input=(-stream_loop -1 -i "$(absolute "$video")")
fi

# FFmpeg's -shortest alone goes on by up to a second behind the end of the sound.
ffmpeg=${FFMPEG:-ffmpeg}
length=$("$ffmpeg" -hide_banner -nostdin -i "$audio" 2>&1 | sed -n 's/.*Duration: \([0-9:.]*\),.*/\1/p') || true

cd "$work"
"$ffmpeg" -hide_banner -loglevel error -nostdin -y "${input[@]}" -i "$audio" -map 0:v -map 1:a \
  -vf "crop=trunc(iw/2)*2:trunc(ih/2)*2,ass=captions.ass" -c:v libx264 -preset veryfast -pix_fmt yuv420p -c:a aac \
  -shortest ${length:+-t "$length"} "$out"

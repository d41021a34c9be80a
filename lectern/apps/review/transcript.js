// The transcript of a recording with its sound. All text is inserted as text, only by {{ }}.
// Only visible words are elements of their own, since a recording of three hours has 30,000 words.
export default {
  template: `
    <div class="lectern-transcript">
      <div class="player">
        <audio v-if="audio" ref="audio" :src="audio" controls preload="metadata"
          @timeupdate="tick" @seeked="tick" @error="broken = true"></audio>
        <span v-if="!audio">This recording has no sound to play.</span>
        <span v-if="broken">The browser cannot play this file, but the transcript can still be corrected.</span>
        <label v-if="audio"><input type="checkbox" v-model="follow"> follow</label>
      </div>
      <div class="lines" ref="lines">
        <div v-for="(segment, at) in segments" :key="at" :data-at="at" class="segment"
          :class="{cut: segment.cut, now: at === now}" :style="{borderColor: color(segment.label)}">
          <div class="who"><b :style="{color: color(segment.label)}">{{ segment.name }}</b>
            <span>{{ segment.role }}</span><span>{{ time(segment.words[0][1]) }}</span>
            <span v-if="segment.cut">cut</span></div>
          <p v-if="!seen[at]">{{ text(segment) }}</p>
          <p v-else><template v-for="(word, n) in segment.words" :key="n"><span class="word" tabindex="-1"
            :class="{chosen: isChosen(at, n), spoken: at === now && n === nowWord}"
            @click="choose($event, at, n)">{{ word[0] + " " }}</span></template></p>
        </div>
      </div>
    </div>`,
  props: {segments: Array, audio: String, labels: Array},
  data() {
    return {seen: {}, now: -1, nowWord: -1, follow: true, broken: false, first: null, last: null, until: null}
  },
  mounted() {
    this.observer = new IntersectionObserver(entries => {
      for (const entry of entries) if (entry.isIntersecting) this.seen[entry.target.dataset.at] = true
    }, {root: this.$refs.lines, rootMargin: "400px"})
    this.watchLines()
  },
  updated() { this.watchLines() },
  unmounted() { this.observer.disconnect() },
  watch: {
    segments() { this.first = this.last = null; this.now = -1 },
  },
  methods: {
    watchLines() {
      if (this.watched === this.segments) return
      this.watched = this.segments
      this.observer.disconnect()
      for (const line of this.$refs.lines.children) this.observer.observe(line)
    },
    color(label) {
      const at = this.labels.indexOf(label)
      return at < 0 ? "#8a8a8a" : `hsl(${(205 + at * 137) % 360} 60% 45%)`
    },
    text(segment) { return segment.words.map(word => word[0]).join(" ") },
    time(seconds) {
      const whole = Math.floor(seconds), two = n => String(n).padStart(2, "0")
      return whole < 3600 ? `${Math.floor(whole / 60)}:${two(whole % 60)}`
        : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
    },
    order(place) { return place[0] * 1e6 + place[1] },
    isChosen(at, n) {
      if (!this.first) return false
      const place = this.order([at, n])
      return this.order(this.first) <= place && place <= this.order(this.last)
    },
    choose(event, at, n) {
      const place = [at, n]
      if (event.shiftKey && this.first) {
        const both = [this.first, place].sort((a, b) => this.order(a) - this.order(b))
        this.first = both[0]; this.last = both[1]
      } else {
        this.first = place
        this.last = [at, this.segments[at].words.length - 1]
        this.seek(this.segments[at].words[n][1])
      }
      const from = this.segments[this.first[0]], to = this.segments[this.last[0]]
      let words = 0
      for (let i = this.first[0]; i <= this.last[0]; i++) {
        const upto = i === this.last[0] ? this.last[1] : this.segments[i].words.length - 1
        words += upto - (i === this.first[0] ? this.first[1] : 0) + 1
      }
      this.$emit("chosen", {
        start: from.words[this.first[1]][1], end: to.words[this.last[1]][2], words,
        labels: [...new Set(this.segments.slice(this.first[0], this.last[0] + 1).map(s => s.label))],
        text: from.words[this.first[1]][0],
      })
    },
    seek(seconds) { if (this.$refs.audio && !this.broken) this.$refs.audio.currentTime = seconds },
    play(start, end) {
      const audio = this.$refs.audio
      if (!audio) return
      this.until = end
      audio.currentTime = start
      audio.play().catch(() => {})
    },
    tick() {
      const audio = this.$refs.audio, at = audio.currentTime
      if (this.until !== null && at >= this.until) { audio.pause(); this.until = null }
      let low = 0, high = this.segments.length - 1
      while (low < high) {
        const middle = Math.ceil((low + high) / 2)
        if (this.segments[middle].words[0][1] <= at) low = middle; else high = middle - 1
      }
      if (!this.segments.length) return
      const words = this.segments[low].words
      let n = 0
      while (n + 1 < words.length && words[n + 1][1] <= at) n++
      const moved = low !== this.now
      this.now = low; this.nowWord = n
      if (moved && this.follow && !audio.paused) {
        const line = this.$refs.lines.children[low]
        line.scrollIntoView({block: "nearest", behavior: "smooth"})
      }
    },
  },
}

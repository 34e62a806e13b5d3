/** Text of the map is drawn from the system's fonts: no glyphs are fetched. */
export const FONT = ['Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', 'sans-serif'];

// 值守台以外各页面的中文文本。
import type { Messages } from './en';

export const pagesZh: Messages['pages'] = {
  skip: '跳到正文',
  nav: { label: '页面', desk: '值守台', search: '查询', reports: '报表', handover: '交接班', wall: '大屏', admin: '管理' },
  admin: {
    title: '管理',
    onlyAdministrators: '只有管理员可以管理账户、部门和授权。',
    users: '账户',
    makeUser: '新建账户',
    role: '角色',
    since: '创建于',
    passwordOnce: (name) => `${name} 用此密码登录。请立即复制：以后不再显示。`,
    remove: '移除',
    removeSure: '确定移除？',
    userRemoved: (name) => `已移除 ${name}，其所有登录均已失效。`,
    grants: '跨部门可见授权',
    grantsIntro: '部门始终可见自己的摄像机以及派给自己的事件。其余一律不可见，除非在此授权。',
    who: '部门',
    everybody: '所有部门',
    own: '本部门',
    seesLabel: (who, what) => `${who} 可见：${what}`,
    granted: (who, what) => `${who} 现在可见：${what}。`,
    ungranted: (who, what) => `${who} 不再可见：${what}。`,
  },
};
